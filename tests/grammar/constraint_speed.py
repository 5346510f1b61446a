"""What compiling, masks and single questions take in processor time, for the tools of schemas.py and typical calls of them.

  constraint_speed.py --tool check_grammar --vocabulary V.gguf
"""
import json

import schemas
from grammar_tool import start

CALLS = [{"zone": "oven", "degrees": 182.5}, {"pump": 3, "minutes": 45}, {"pump": 7}, {"valve": "V-12", "percent": 60},
         {"text": "Replaced the seal of the second pump; it still leaks a little at the lower flange.", "tags": ["pump", "leak"]},
         {"machine": "conveyor 4", "date": "2026-12-03", "priority": "high"}, {"sensor": "vibration", "unit": "mm"}, {"motor": "main drive", "rpm": 1480},
         {"name": "Ana Pérez", "number": "+34 600 123 456"},
         {"title": "Leak at pump 2", "severity": 3, "assignee": None, "parts": [{"id": "S-114", "count": 2}, {"id": "F-20", "count": 1}]},
         {"query": "how to bleed the hydraulic line after a filter change", "machine": None, "limit": 5}, {"at": "2026-11-24T15:30:00Z", "repeat": False},
         {"on": True, "area": "yard"}, {"sensor": "flow 1", "points": [[0, 4.01], [50, 12.2], [100, 19.98]]}, {"axis": "z", "by": -12.5},
         {"to": "shift.lead@example.com", "period": "week"}, {"machine": "6f1e1a3c-1111-4222-8333-444455556666", "reason": "Guard is open for cleaning"},
         {"steps": [{"do": "heat", "to": 90}, {"do": "wait", "minutes": 15}, {"do": "heat", "to": 120}]}, {"machine": "press 2", "days": 30},
         {"settings": {"language": "en", "volume": 7, "beep": True}}]


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def main():
    tool, _ = start(__doc__)
    requests = [dict(kind="schema", text=json.dumps(one["function"]["parameters"]), trace=json.dumps(call, ensure_ascii=False))
                for one, call in zip(schemas.TOOLS, CALLS)]
    requests += [dict(kind="tools", text=json.dumps(schemas.TOOLS), trace=json.dumps({"name": one["function"]["name"], "arguments": call}, ensure_ascii=False))
                 for one, call in zip(schemas.TOOLS, CALLS)]
    figures = {}
    for request in requests:
        result = tool.ask(**request)
        if "error" in result:
            raise SystemExit(f"{request}: {result['error']}")
        for key in ("compile_ms", "trie_ms", "prepare_ms", "states", "memory_bytes"):
            figures.setdefault((request["kind"], key), []).append(result[key])
        for run in ("first", "again"):
            for key in ("mask_us", "allow_us"):
                figures.setdefault((request["kind"], f"{run} {key}"), []).extend(result[run][key])
    for (kind, key), values in figures.items():
        print(f"{kind:7} {key:15} n {len(values):5}  mean {sum(values) / len(values):11.2f}  p50 {share(values, 0.5):11.2f}  p99 {share(values, 0.99):11.2f}  max {max(values):11.2f}")


if __name__ == "__main__":
    main()
