"""Fills the slots of a phrasing: for each, what is said or written and which arguments it stands for."""
import re

from . import spoken

FREE_TEXT = ("text", "note", "title", "label")
KEYED = ("mode", "priority", "status", "procedure", "place", "contact")  # an argument of that name, its forms in words.json
ONLY_TOO_HIGH = ("vibration", "current", "conductivity")  # nobody minds too little of them


class Filler:
    """One case's values. `say` is true where numbers are spoken as words. `arguments` collects what the slots mean."""

    def __init__(self, world, split, tool, fixed, draw, say):
        self.world, self.split, self.tool, self.draw, self.say = world, split, tool, draw, say
        self.side = "test" if split == "test" else "train"
        self.arguments = {key: value for key, value in fixed.items() if key != "in"}
        self.among = fixed["in"].split("+") if "in" in fixed else list(world.machines)
        self.parameter_key = "parameter" if tool == "set_setpoint" else "sensor"
        self.machine = None
        self.correct = None  # the slot that is said wrongly first
        self.marker = None
        self.from_unit = None

    def choose_machine(self, slots):
        """Before any slot is rendered: a machine that has what the phrasing talks about, and its parameter and unit."""
        table = "set" if self.tool == "set_setpoint" else "read"
        parameter = self.arguments.get(self.parameter_key)
        needs_quantity = "param" in slots or "quantity" in slots or "number" in slots
        names = [name for name, machine in self.world.machines.items()
                 if name in self.among and (self.split == "test" or machine["in"] == "train") and (parameter is None or parameter in machine[table])]
        unseen = [name for name in names if self.world.machines[name]["in"] == "test"]
        if unseen and self.draw.chance(0.5):
            names = unseen
        self.machine = self.draw.pick(names)
        if needs_quantity:
            entries = self.world.machines[self.machine][table]
            limit = self.arguments.get("limit")
            names = [name for name in sorted(entries) if limit != "low" or name not in ONLY_TOO_HIGH]
            self.parameter = parameter or self.draw.pick(names)
            # A number without a unit is in the machine's usual one.
            self.unit, low, high, step = entries[self.parameter][0] if "number" in slots else self.draw.pick(entries[self.parameter])
            if limit:  # somewhere in the upper or the lower third
                third = step * int((high - low) / step / 3)
                low, high = (high - third, high) if limit == "high" else (low, low + third)
            self.value = self.draw.on_grid(low, high, step)
            self.wrong_value = self.draw.on_grid(low, high, step)

    def render(self, slot):
        if slot in KEYED:
            return self.keyed(slot)
        if slot in ("note", "text"):
            return self.free(slot)
        text = getattr(self, "slot_" + slot)()
        if slot != self.correct:
            return text
        wrong = getattr(self, "slot_" + slot)(wrong=True)
        if wrong == text:
            self.correct = None
            return text
        return wrong + self.marker + text

    # Each slot_X(wrong) returns its text; unless `wrong`, it notes its arguments.

    def note(self, wrong, **arguments):
        if not wrong:
            self.arguments.update(arguments)

    def machine_name(self, name):
        machine = self.world.machines[name]
        said = self.draw.pick(machine["names"].get(self.side, machine["names"]["test"]))
        if machine["code"] in said:
            code = machine["code"]
            said = said.replace(code, spoken.model_code(code) if self.say else
                                self.draw.pick([code, code, code.replace("-", ""), code.replace("-", " ")]))
        return said

    def other_machine(self):
        names = [name for name, machine in self.world.machines.items()
                 if name != self.machine and (self.split == "test" or machine["in"] == "train")]
        return self.draw.pick(names)

    def slot_machine(self, wrong=False):
        self.note(wrong, machine=self.machine)
        return self.machine_name(self.other_machine() if wrong else self.machine)

    def slot_other(self):
        return self.machine_name(self.other_machine())

    def word(self, kind, value):
        forms = self.world.words[kind][value]
        return self.draw.pick(forms.get(self.side) or forms["test"])

    def slot_param(self, wrong=False):
        self.note(wrong, **{self.parameter_key: self.parameter})
        return self.word("parameters", self.parameter)

    def number_text(self, value):
        return spoken.number(value, self.draw) if self.say else spoken.written(value)

    def slot_quantity(self, wrong=False):
        self.note(wrong, value=self.value, unit=self.unit)
        if wrong:
            return self.number_text(self.wrong_value)
        return self.number_text(self.value) + self.draw.pick(self.world.words["units"][self.unit]["spoken" if self.say else "written"])

    def slot_number(self, wrong=False):
        self.note(wrong, value=self.value)
        return self.number_text(self.wrong_value if wrong else self.value)

    def slot_code(self, wrong=False):
        codes = self.world.machines[self.machine]["fault_codes"]
        code = self.draw.pick(codes)
        self.note(wrong, code=code)
        return spoken.fault_code(code, self.draw) if self.say else self.draw.pick([code, code, code, code.lower()])

    def slot_part(self, wrong=False):
        part = self.draw.pick(self.world.words["parts"][self.side])
        self.note(wrong, part_number=part)
        if self.say:
            return spoken.part_number(part, self.draw)
        return self.draw.pick([part, part, part.replace("-", " "), part.replace("-", "").lower()])

    def slot_count(self, wrong=False):
        count = self.draw.pick([2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 25, 30, 40, 50])
        self.note(wrong, quantity=count)
        return self.number_text(count)

    def slot_wo(self, wrong=False):
        number = self.draw.between(1001, 99998) if self.draw.chance(0.5) else self.draw.between(1001, 9998)
        self.note(wrong, number=number)
        return spoken.digits(str(number)) if self.say else str(number)

    def slot_valve(self, wrong=False):
        name = "V-%d%d" % (self.draw.between(1, 9), self.draw.between(1, 9))  # "V sixty five percent" would be two things
        self.note(wrong, valve=name)
        return spoken.valve(name, self.draw) if self.say else self.draw.pick([name, name, name.replace("-", ""), name.lower()])

    def slot_percent(self, wrong=False):
        percent = self.draw.pick([10, 15, 20, 30, 35, 40, 45, 55, 60, 65, 70, 80, 85, 90])
        self.note(wrong, percent=percent)
        return self.number_text(percent)

    def keyed(self, kind):
        values = [value for value, forms in self.world.words[kind].items() if self.side == "test" or self.side in forms]
        value = self.draw.pick(values)
        self.note(False, **{kind: value})
        return self.word(kind, value)

    def slot_task(self):
        task = self.draw.pick(self.world.machines[self.machine]["tasks"])
        self.note(False, task=task)
        return self.word("task", task)

    def free(self, kind):
        said = self.draw.pick(self.world.words[kind][self.side])
        self.note(False, **{kind: said})
        return said

    def slot_label(self):
        said = self.draw.pick(self.world.words["label"][self.side])
        self.note(False, label=re.sub(r"^(the|my) ", "", said))
        return said

    def slot_title(self):
        titles = self.world.words["title"][self.side]
        title = self.draw.pick(titles["any"] + titles[self.machine] * 2)
        self.note(False, title=title)
        return title

    def slot_weekday(self):
        day = self.draw.pick(self.world.words["weekday"])
        self.note(False, weekday=day)
        return day.capitalize()

    def slot_when(self):
        if self.draw.chance(0.3):
            return "in " + self.slot_days()
        said, days = self.draw.pick(self.world.words["when"][self.side])
        self.note(False, in_days=days)
        return said

    def slot_days(self):
        if self.draw.chance(0.25):
            weeks = self.draw.pick([1, 2, 3])
            self.note(False, in_days=7 * weeks)
            return "a week" if weeks == 1 else self.number_text(weeks) + " weeks"
        days = self.draw.pick([2, 3, 4, 5, 6, 10, 12, 14, 20, 30])
        self.note(False, in_days=days)
        return self.number_text(days) + " days"

    def slot_hours(self):
        hours = self.draw.pick([50, 100, 200, 250, 400, 500, 750, 1000, 1500, 2000, 4000])
        self.note(False, every_hours=hours)
        return self.number_text(hours)

    def slot_span(self):
        unit, counts, each = self.draw.pick([("hours", [4, 6, 8, 10, 12, 24, 36, 48], 1), ("days", [2, 3, 4, 5, 10], 24), ("weeks", [2, 3], 168)])
        count = self.draw.pick(counts)
        self.note(False, hours=count * each)
        return self.number_text(count) + " " + unit

    def slot_duration(self, wrong=False):
        special = [("half an hour", 0.5, "hours"), ("an hour", 1, "hours"), ("a minute", 1, "minutes"), ("an hour and a half", 1.5, "hours")]
        if not self.correct and self.draw.chance(0.2):
            said, value, unit = self.draw.pick(special)
        else:
            unit, counts = self.draw.pick([("minutes", [2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 45, 90]),
                                           ("seconds", [10, 20, 30, 45, 60, 90]), ("hours", [2, 3, 4, 6])])
            value = self.draw.pick(counts)
            said = self.number_text(value) + " " + unit
        self.note(wrong, duration=value, unit=unit)
        return said

    def slot_duration_adj(self):
        unit, counts = self.draw.pick([("minutes", [2, 3, 5, 10, 15, 20, 25, 30, 45]), ("seconds", [20, 30, 45, 90]), ("hours", [2, 3])])
        value = self.draw.pick(counts)
        self.note(False, duration=value, unit=unit)
        return self.number_text(value) + " " + unit[:-1]

    def slot_from(self, wrong=False):
        table = self.world.words["convert"]
        self.from_unit = self.from_unit or self.draw.pick(sorted(table))
        low, high, step = table[self.from_unit]["range"]
        value = self.draw.on_grid(low, high, step)
        self.note(wrong, value=value, **{"from": self.from_unit})
        return self.number_text(value) + self.draw.pick(table[self.from_unit]["from"])

    def slot_to(self):
        table = self.world.words["convert"]
        self.from_unit = self.from_unit or self.draw.pick(sorted(table))
        unit = self.draw.pick(table[self.from_unit]["with"])
        self.note(False, to=unit)
        return self.draw.pick(table[unit]["to"])
