"""Writes log files from the descriptions in sources/logs/*.json, and knows the lines of every event in them.

A description names a format of telemetry and of messages, the channels with mean and noise, routine chatter, and events. An event has
lines ([minutes after its start, level, text]), possibly repeated (`count`: where the times are more than that), and what it does to the
telemetry for `span` minutes: `ramp` and `set` change channels, `state` the state, `silent` stops telemetry and chatter, `clock` moves the
clock for good. `set` and `state` hold from `from` minutes on until the event's last message; with `down`, for so long in each repetition
and from the last one to the end. With `"telemetry": true` the telemetry lines of the span belong to the event. A span of 100000 is for
good.
"""
import datetime
import json

from .draw import Draw

SEVERITIES = ("info", "warning", "error", "critical")
KINDS = ("over_temperature", "repeated_trips", "sensor_drift", "operator_action", "missed_maintenance", "low_level", "power_failure", "trip",
         "comms_loss", "restart_loop", "stuck_valve", "clock_jump", "data_loss")
FOR_GOOD = 100000


class Writer:
    def __init__(self, spec):
        self.spec, self.draw = spec, Draw("log", spec["file"])
        self.lines = list(spec.get("header", []))
        self.start = datetime.datetime.fromisoformat(spec["start"])
        self.shift = 0  # seconds that the clock is off
        self.events = [dict(event, first_line=None, last_line=None, touched=None, times=[], begin=minutes(event["at"]) + self.draw.uniform(0.1, 0.9))
                       for event in spec["events"]]

    def put(self, text, event):
        """Writes `text` (possibly several lines); they belong to `event` where there is one."""
        first = len(self.lines) + 1
        self.lines.extend(text.split("\n"))
        if event is not None:
            event["first_line"] = event["first_line"] or first
            event["last_line"] = len(self.lines)
            self.touch(event)

    def touch(self, event):
        """The last line shows something of the event; what lasts for good counts no more than its message."""
        first = event["touched"][0] if event["touched"] else len(self.lines)
        event["touched"] = [min(first, event["first_line"] or first), len(self.lines)]

    def fields(self, minute, state, values):
        moment = self.start + datetime.timedelta(seconds=round(minute * 60) + self.shift)
        return {"iso": moment.strftime("%Y-%m-%dT%H:%M:%S"), "date": moment.strftime("%Y-%m-%d %H:%M:%S"), "clock": moment.strftime("%H:%M"),
                "syslog": moment.strftime("%b %d %H:%M:%S"), "epoch": int((moment - datetime.datetime(1970, 1, 1)).total_seconds()),
                "state": state, "n": self.draw.between(101, 189), **values}

    def active(self, minute):
        return [event for event in self.events if event["begin"] <= minute < event["begin"] + event.get("span", 0)]

    def telemetry(self, minute):
        state, values, owner = self.spec.get("state", "RUN"), {}, None
        active = self.active(minute)
        if any(event.get("silent") for event in active):
            return
        for name, (mean, noise, decimals) in self.spec["channels"].items():
            value = mean + self.draw.noise(noise)
            for event in active:
                if name in event.get("ramp", {}):
                    low, high = event["ramp"][name]
                    value += low + (high - low) * (minute - event["begin"]) / event["span"]
                if is_down(event, minute):
                    value = event.get("set", {}).get(name, value)
            values[name] = "%.*f" % (decimals, value)
        for event in active:
            state = event.get("state", state) if is_down(event, minute) else state
            owner = event if event.get("telemetry") else owner
        fields = self.fields(minute, state, values)
        self.put(self.spec["telemetry"].format(**fields), owner)
        for event in active:
            if event["span"] < FOR_GOOD:
                self.touch(event)
        if owner:
            owner["times"].append(fields["clock"])

    def message(self, minute, level, text, event):
        if event is None and any(other.get("silent") for other in self.active(minute)):
            return
        fields = self.fields(minute, self.spec.get("state", "RUN"), {})
        text = text.format(**fields)
        head, *rest = text.split("\n")
        level = self.spec.get("levels", {}).get(level, level)
        self.put("\n".join([self.spec["message"].format(level=level, text=head, **fields)] + rest), event)
        if event:
            event["times"].append(fields["clock"])

    def plan(self):
        """Everything that is written, in the order of time: (minute, order, action)."""
        entries = []
        period, end = self.spec["period"], self.spec["hours"] * 60
        step = 0.0
        while step < end:
            entries.append((step + self.draw.uniform(0, 0.02), 1, ("telemetry",)))
            if self.draw.chance(self.spec["chatter_rate"]):
                level, text = self.draw.pick(self.spec["chatter"])
                entries.append((step + self.draw.uniform(0.1, period * 0.9), 2, ("message", level, text, None)))
            step += period
        for event in self.events:
            repeat = event.get("repeat", {"times": 1, "every": 0})
            for round_number in range(repeat["times"]):
                for offset, level, text in event["lines"]:
                    at = event["begin"] + round_number * repeat["every"] + offset + (self.draw.uniform(0, 0.6) if offset > 0 or round_number else 0)
                    entries.append((at, 0, ("message", level, text.replace("{round}", str(round_number + 1)), event)))
            for offset, level, text in event.get("after", []):
                entries.append((event["begin"] + offset + self.draw.uniform(0, 0.5), 0, ("message", level, text, event)))
            if "clock" in event:
                entries.append((event["begin"] + 0.1, 0, ("clock", event["clock"])))
        return sorted(entries, key=lambda entry: entry[:2])

    def write(self):
        for minute, _, (action, *rest) in self.plan():
            if action == "telemetry":
                self.telemetry(minute)
            elif action == "clock":
                self.shift += rest[0]
            else:
                self.message(minute, *rest)
        return "\n".join(self.lines) + "\n"

    def truth(self):
        """The events as the task files have them, in the order of lines."""
        result = []
        for event in sorted(self.events, key=lambda event: event["first_line"]):
            count = event.get("count", event.get("repeat", {"times": 1})["times"])
            summary = event["summary"].format(first=event["times"][0], last=event["times"][-1], count=count)
            result.append({"what": event["what"], "kind": event["kind"], "severity": event["severity"], "first_line": event["first_line"],
                           "last_line": event["last_line"], "count": count, "summary": summary, "touched": event["touched"]})
        return result


def last_offset(event):
    """Minutes from an event's start to its last message, which says that it is over; the span where nothing follows the first."""
    rounds = (event.get("repeat", {"times": 1})["times"] - 1) * event.get("repeat", {"every": 0})["every"]
    last = max([offset + rounds for offset, _, _ in event["lines"]] + [offset for offset, _, _ in event.get("after", [])])
    return last if last > 0 else event["span"]


def is_down(event, minute):
    """Whether `set` and `state` of an active event hold at that minute."""
    since = minute - event["begin"]
    if since >= last_offset(event):
        return False
    if "down" not in event:
        return since >= event.get("from", 0)
    repeat = event["repeat"]
    return since >= (repeat["times"] - 1) * repeat["every"] or since % repeat["every"] < event["down"]


def minutes(at):
    """"1 13:40", the second day: minutes since midnight of the first day."""
    day, clock = at.split()
    hour, minute = clock.split(":")
    return int(day) * 1440 + int(hour) * 60 + int(minute)


def read_specs(root):
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((root / "sources" / "logs").glob("*.json"))]


def build(root):
    """{file: {"text", "events", "split", "machine", "header"}} of all descriptions. Logs start at midnight."""
    result = {}
    for spec in read_specs(root):
        writer = Writer(spec)
        text = writer.write()
        result[spec["file"]] = {"text": text, "events": writer.truth(), "split": spec["split"], "machine": spec["machine"],
                                "header": len(spec.get("header", []))}
    return result
