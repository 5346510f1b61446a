#!/usr/bin/env python3
"""OpenAI's own Python client, unchanged, against `thimble serve` with a real model.

THIMBLE_BIN: the program; THIMBLE_MODELS: the folder of models; runs in the environment of tests/requirements.txt.
"""
import glob
import json
import os
import time
import unittest

import jsonschema
import openai

from server import Server

(QWEN,) = glob.glob(os.environ["THIMBLE_MODELS"] + "/qwen2.5-coder-0.5b/*.gguf")
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city",
                                            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}}, "required": ["city"]}}}
QUESTION = [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "What is the capital of France?"}]


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("-m", QWEN, "--api-key", "secret", "-np", 2, "--alias", "qwen")
        cls.client = openai.OpenAI(base_url=f"http://127.0.0.1:{cls.server.port}/v1", api_key="secret", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def chat(self, messages=QUESTION, **more):
        return self.client.chat.completions.create(model="qwen", messages=messages, temperature=0, max_tokens=more.pop("max_tokens", 40), **more)

    def test_an_answer(self):
        reply = self.chat()
        self.assertIn("Paris", reply.choices[0].message.content)
        self.assertEqual(reply.choices[0].finish_reason, "stop")
        self.assertGreater(reply.usage.prompt_tokens, 10)
        again = self.chat()
        self.assertEqual(again.choices[0].message.content, reply.choices[0].message.content)
        self.assertGreater(again.usage.prompt_tokens_details.cached_tokens, 10)

    def test_a_stream(self):
        text, usage, reasons = "", None, []
        for chunk in self.chat(stream=True, stream_options={"include_usage": True}):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                reasons += [choice.finish_reason] if choice.finish_reason else []
            usage = chunk.usage or usage
        self.assertEqual(text, self.chat().choices[0].message.content)
        self.assertEqual(reasons, ["stop"])
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)

    def test_a_stream_that_is_left(self):
        stream = self.chat([{"role": "user", "content": "Count from 1 to 500."}], stream=True, max_tokens=1500)
        next(iter(stream))
        stream.close()
        time.sleep(0.3)
        self.assertEqual(self.server.get("/props", headers={"Authorization": "Bearer secret"})[1]["busy_slots"], 0)

    def test_tools(self):
        asked = [{"role": "user", "content": "What is the weather in Rome? Use celsius."}]
        for choice in ("auto", "required", {"type": "function", "function": {"name": "get_weather"}}):
            reply = self.chat(asked, tools=[WEATHER], tool_choice=choice).choices[0]
            self.assertEqual(reply.finish_reason, "tool_calls", choice)
            (call,) = reply.message.tool_calls
            self.assertEqual(call.function.name, "get_weather")
            arguments = json.loads(call.function.arguments)
            jsonschema.validate(arguments, WEATHER["function"]["parameters"])
            self.assertEqual(arguments["city"], "Rome")
            streamed = [d for chunk in self.chat(asked, tools=[WEATHER], tool_choice=choice, stream=True) for c in chunk.choices for d in c.delta.tool_calls or []]
            self.assertEqual([(d.function.name, d.function.arguments) for d in streamed], [(call.function.name, call.function.arguments)])
        # The result goes back, and the model reads it. What so small a model makes of it is its own affair.
        told = [*asked, reply.message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "31 degrees and sunny"}]
        self.assertTrue(self.chat(told, tools=[WEATHER]).choices[0].finish_reason)
        prompt = self.server.post("/apply-template", {"messages": told, "tools": [WEATHER]}, headers={"Authorization": "Bearer secret"})[1]["prompt"]
        self.assertIn("31 degrees and sunny", prompt)
        self.assertIn('"city": "Rome"', prompt)
        self.assertIsNone(self.chat(asked, tools=[WEATHER], tool_choice="none").choices[0].message.tool_calls)

    def test_a_schema(self):
        schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150}}, "required": ["name", "age"], "additionalProperties": False}
        asked = [{"role": "user", "content": "Anna is 31 years old. Her data as JSON."}]
        reply = self.chat(asked, response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}})
        person = json.loads(reply.choices[0].message.content)
        jsonschema.validate(person, schema)
        self.assertEqual(person, {"name": "Anna", "age": 31})
        self.assertIsInstance(json.loads(self.chat(asked, response_format={"type": "json_object"}).choices[0].message.content), dict)

    def test_logprobs(self):
        reply = self.chat(logprobs=True, top_logprobs=2).choices[0]
        self.assertEqual("".join(entry.token for entry in reply.logprobs.content if not entry.token.startswith("<|")), reply.message.content)
        self.assertTrue(all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in reply.logprobs.content))

    def test_completions(self):
        reply = self.client.completions.create(model="qwen", prompt=["The capital of France is", "2 + 2 ="], max_tokens=3, temperature=0, logprobs=1, echo=True)
        self.assertIn("Paris", reply.choices[0].text)
        self.assertIn("4", reply.choices[1].text)
        for choice in reply.choices:
            self.assertEqual("".join(choice.logprobs.tokens), choice.text)
            self.assertEqual([choice.text.encode()[o:].decode()[:1] for o in choice.logprobs.text_offset], [token[:1] for token in choice.logprobs.tokens])

    def test_errors_are_the_clients_own(self):
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=self.client.base_url, api_key="wrong", max_retries=0).models.list()
        with self.assertRaises(openai.NotFoundError):
            self.client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat([{"role": "user", "content": "a b " * 3000}])
        self.assertEqual(caught.exception.body["type"], "exceed_context_size_error")
        self.assertEqual([model.id for model in self.client.models.list()], ["qwen"])


if __name__ == "__main__":
    unittest.main()
