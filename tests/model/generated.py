"""Models made by a seeded generator, laid out in many ways, and small damage done to them."""

import random

NAMES = [
    "a", "b", "B", "viewer", "Viewer", "can_view", "can-view", "type", "model", "schema", "module",
    "extend", "relation", "or_else", "org.unit", "org/unit", "x1", "_x", "android", "butler",
]  # fmt: skip
TYPES = ["user", "doc", "Doc", "group", "org.team", "app/folder", "team-1", "_t", "employee"]
CONDITIONS = {
    "small": ("x: int", "x < 10"),
    "Late": ("now: timestamp, until: timestamp", "now < until"),
    "from_home": ("ip: ipaddress, nets: list<string>", 'ip.in_cidr(nets[0]) || nets[1] == "a"'),
    "zone-1": ("m: map<int>, on: bool", "on && (m[\"a\"] > 1 ||\n    m['b'] == 0x1F)"),
    "any_of": ("tags: list<string>", 'tags.exists(t, t == "b" || t.startsWith("c"))'),
}


class Writer:
    """Writes one model; the same seed writes the same one."""

    def __init__(self, seed: int) -> None:
        self._rnd = random.Random(seed)
        self._relations: dict[str, list[str]] = {}
        self._parents: dict[str, list[str]] = {}
        self._conditions: list[str] = []

    def model(self) -> str:
        """Return a model that the grammar takes and that mostly makes sense."""
        rnd = self._rnd
        self._conditions = rnd.sample(sorted(CONDITIONS), rnd.choice([0, 0, 1, 2, 4]))
        types = ["user", *rnd.sample(TYPES[1:], rnd.randint(1, 4))]
        for name in types[1:]:
            self._relations[name] = rnd.sample(NAMES, rnd.randint(0, 6))
            self._parents[name] = self._relations[name][: rnd.randint(0, 2)]
        parts = [self._type(name) for name in types]
        used = " ".join(parts)
        parts += [
            self._condition(name)
            for name in self._conditions
            if f"with {name}" in used or rnd.random() < 0.05
        ]
        version = rnd.choice(["1.1", "1.2"])
        gap = rnd.choice(["\n\n", "\n", "\n\n\n", "\n# between\n", "\n  \n"])
        text = f"model\n  schema {version}{gap}" + gap.join(parts) + rnd.choice(["", "\n", "\n\n"])
        if rnd.random() < 0.2:
            text = f"# a model\n{text}"
        return text.replace("\n", rnd.choice(["\n"] * 9 + ["\r\n"]))

    def _type(self, name: str) -> str:
        rnd = self._rnd
        lines = [f"type {name}"]
        if self._relations.get(name):
            lines.append(rnd.choice(["  relations", "    relations", "relations"]))
        for relation in self._relations.get(name, ()):
            colon = rnd.choice([": "] * 6 + [":", " : "])
            trailing = rnd.choice([""] * 8 + ["  # why", "   "])
            indent = rnd.choice(["    "] * 8 + ["  ", "\t"])
            lines.append(
                f"{indent}define {relation}{colon}{self._rewrite(name, relation)}{trailing}"
            )
        return "\n".join(lines)

    def _rewrite(self, kind: str, relation: str) -> str:
        rnd = self._rnd
        shape = rnd.random()
        if relation in self._parents[kind] and rnd.random() < 0.98:
            kinds = rnd.sample(list(self._relations), min(len(self._relations), rnd.randint(1, 2)))
            return f"[{', '.join(kinds)}]"
        if shape < 0.4:
            return self._direct()
        first = self._direct() if shape < 0.85 else self._part(kind, relation, 2)
        return self._joined(first, kind, relation, 2)

    def _joined(self, first: str, kind: str, relation: str, depth: int) -> str:
        rnd = self._rnd
        operator = rnd.choice(["or", "or", "and", "but not"])
        count = 1 if operator == "but not" else rnd.randint(1, 3)
        blank = rnd.choice([" "] * 9 + ["  "])
        parts = [first] + [self._part(kind, relation, depth) for _ in range(count)]
        return f"{blank}{operator}{blank}".join(parts)

    def _part(self, kind: str, relation: str, depth: int) -> str:
        rnd = self._rnd
        names = self._relations[kind]
        names = names[: names.index(relation)] or names if rnd.random() < 0.97 else names
        if depth and rnd.random() < 0.25:
            inner = self._joined(self._part(kind, relation, depth - 1), kind, relation, depth - 1)
            return rnd.choice(["({})", "( {} )", "(({}))"]).format(inner)
        parents = self._parents[kind] if rnd.random() < 0.97 else names
        if parents and rnd.random() < 0.35:
            common = self._relations[rnd.choice(list(self._relations))] or names
            return f"{rnd.choice(common)} from {rnd.choice(parents)}"
        return rnd.choice(names)

    def _direct(self) -> str:
        rnd = self._rnd
        found = ["user"] if rnd.random() < 0.8 else []
        for _ in range(rnd.randint(0 if found else 1, 3)):
            kind = rnd.choice(["user", *self._relations])
            relations = self._relations.get(kind)
            shape = rnd.random()
            if shape < 0.3 and relations:
                kind += f"#{rnd.choice(relations)}"
            elif shape < 0.5:
                kind += ":*"
            if self._conditions and rnd.random() < 0.4:
                kind += f" with {rnd.choice(self._conditions)}"
            found.append(kind)
        found = list(dict.fromkeys(found)) if rnd.random() < 0.95 else found
        if rnd.random() < 0.05:
            return "[\n      " + ",\n      ".join(found) + "\n    ]"
        return "[" + rnd.choice([", ", ",", " , "]).join(found) + "]"

    def _condition(self, name: str) -> str:
        parameters, expression = CONDITIONS[name]
        layout = self._rnd.choice(
            [
                "condition {}({}) {{\n  {}\n}}",
                "condition {} ({}) {{ {} }}",
                "condition {}( {} ) {{\n  {} // why\n}}",
            ]
        )
        return layout.format(name, parameters, expression)


DAMAGE = [
    "", " ", "\n", ":", ",", "[", "]", "(", ")", "#", "*", "{", "}", "or", "and", "but not", "from",
    "define", "type", "relations", "condition", "with", "user", "ghost", "self", "this", "1.3", "é", ";",
]  # fmt: skip


def damaged(text: str, seed: int) -> str:
    """Return the text with one word, mark or line taken out, doubled or replaced."""
    rnd = random.Random(seed)
    lines = text.splitlines()
    row = rnd.randrange(len(lines))
    kind = rnd.random()
    if kind < 0.15:
        del lines[row]
    elif kind < 0.25:
        lines.insert(row, lines[row])
    else:
        words = lines[row].split(" ")
        word = rnd.randrange(len(words))
        if kind < 0.8:
            words[word] = rnd.choice(DAMAGE)
        else:
            at = rnd.randint(0, len(words[word]))
            words[word] = words[word][:at] + rnd.choice(DAMAGE) + words[word][at + 1 :]
        lines[row] = " ".join(words)
    return "\n".join(lines)
