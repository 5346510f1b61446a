// One answer on its way: the request that a conversation makes, and what its stream brings.
import { stream } from "./api.js";

const SENT = ["temperature", "top_p", "max_tokens", "seed"];

// The body of the request for the next answer: the system prompt, and every message that counts. Two of one role in a row (the
// first was never answered) are sent as one, since templates want turns to alternate.
export function requestOf(conversation) {
  const messages = [];
  for (const { role, content, dropped } of conversation.messages) {
    if (dropped || !content) continue;
    const last = messages[messages.length - 1];
    if (last?.role === role) last.content += `\n\n${content}`;
    else messages.push({ role, content });
  }
  const { settings } = conversation;
  if (settings.system.trim()) messages.unshift({ role: "system", content: settings.system });
  const body = { messages, stream: true, stream_options: { include_usage: true } };
  for (const name of SENT) if (settings[name] != null) body[name] = settings[name];
  return body;
}

function takeFigures(stats, chunk, firstAt) {
  const { usage, timings } = chunk;
  if (usage) {
    stats.tokens = usage.completion_tokens;
    stats.promptTokens = usage.prompt_tokens;
    stats.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? 0;
    const took = performance.now() - firstAt;
    if (!timings && stats.tokens > 1 && took > 0) stats.perSecond = ((stats.tokens - 1) * 1000) / took;
  }
  if (timings?.predicted_per_second > 0) stats.perSecond = timings.predicted_per_second;
}

// Streams the answer into message, which is not yet among the conversation's; grown() is called after every piece.
export async function writeAnswer(conversation, message, signal, grown) {
  const begun = performance.now();
  let firstAt = 0;
  message.stats = {};
  for await (const chunk of stream("/v1/chat/completions", requestOf(conversation), signal)) {
    const choice = chunk.choices?.[0];
    const { content, reasoning_content: reasoning } = choice?.delta ?? {};
    if ((content || reasoning) && !firstAt) {
      firstAt = performance.now();
      message.stats.firstMs = Math.round(firstAt - begun);
    }
    if (reasoning) message.reasoning = (message.reasoning ?? "") + reasoning;
    if (content) message.content += content;
    if (choice?.finish_reason) message.ending = choice.finish_reason;
    takeFigures(message.stats, chunk, firstAt);
    grown();
  }
}

// Marks the oldest turns as not sent any more until a prompt of `tokens` tokens should fit `limit` with room for an answer. The
// last question always stays. Returns how many messages were dropped.
export function dropOldest(conversation, tokens, limit) {
  const sent = conversation.messages.filter((message) => !message.dropped && message.content);
  const characters = sent.reduce((sum, message) => sum + message.content.length, conversation.settings.system.length);
  const room = Math.min(conversation.settings.max_tokens ?? Infinity, Math.floor(limit / 4));
  let over = characters * Math.max(0, 1 - (limit - room) / Math.max(tokens, 1));
  let dropped = 0;
  for (let at = 0; at < sent.length - 1 && (over > 0 || dropped === 0 || sent[at].role === "assistant"); at++) {
    over -= sent[at].content.length;
    sent[at].dropped = true;
    dropped++;
  }
  return dropped;
}
