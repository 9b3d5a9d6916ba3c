"""Holds what linkhook told in a scene against what the kernel shows: `told` folds the events of a watch into the objects that
must be there, `shown` holds them against `linkhook list`, `held` the list against what ip, bridge and tc print."""
import collections, copy, functools, json, re
from pathlib import Path

import exceptions

OBJECT_ACTIONS = ("add", "present", "change", "remove")


# --- What docs/events.md says of each kind -----------------------------------------------------------------------------------

class Reference:
    """Per kind: which paths never count as a change, which hold an interface's name, and which kinds have no state; and the kernel's
    version, on which it depends what may differ."""

    def __init__(self, file, kernel=(0, 0)):
        self.kernel = kernel
        self.volatile, self.names, self.stateless = (collections.defaultdict(set) for _ in range(3))
        kind = None
        for line in Path(file).read_text().splitlines():
            if line.startswith("### "):
                kind = line[4:]
            if "an event without state" in line or "what existed before is not shown" in line:
                self.stateless["all"].add(re.match(r"\| \[`(\w+)`\]", line).group(1))
            row = re.match(r"\| `([^`]+)` \| ([^|]*) \|", line)
            if row and kind:
                path = re.sub(r"<[^>]*>|\[\]", "", row.group(1))
                if "never counts" in row.group(2):
                    self.volatile[kind].add(path)
                if "interface's name" in row.group(2) or path in exceptions.NAMES.get(kind, ()):
                    self.names[kind].add(path)


# --- The sum of the events ---------------------------------------------------------------------------------------------------

class Fold:
    """Objects are known by what they say alone: a change's old values give the object that must have been there, a removal
    takes away what it shows. So the sum holds the events against each other, too, and no identity has to be known here."""

    def __init__(self, reference):
        self.reference = reference
        self.links = {}  # an interface's index by the last name that was told of it
        self.objects = collections.defaultdict(collections.Counter)
        self.odd = []

    def read(self, lines):
        events = [json.loads(line) for line in lines]
        for event in events:
            # An object may name an interface that is told after it.
            if event["event"] == "link" and event["action"] in ("add", "present"):
                self.links.setdefault(event["link"]["ifname"], event["ifindex"])
        for event, line in zip(events, lines):
            kind, action = event["event"], event["action"]
            if action not in OBJECT_ACTIONS or kind in self.reference.stateless["all"]:
                if kind in exceptions.TROUBLE:
                    self.odd.append(f"{kind} {action}: {json.dumps(event)[:300]}")
                continue
            thing = event[kind]
            if '"unknown":' in line:
                self.odd.append(f"{kind} {action} has what linkhook does not know: {unknown(thing)}")
            if kind == "link":
                self.links[thing["ifname"]] = thing["ifindex"]
            if action in ("change", "remove"):
                self.take(event, thing)
            if action != "remove":
                self.objects[kind][self.text(kind, thing, event)] += 1
        return self

    def take(self, event, thing):
        kind = event["event"]
        before = put_back(thing, event.get("changed", {})) if event["action"] == "change" else thing
        text = self.text(kind, before, event)
        if self.objects[kind][text] > 0:
            self.objects[kind][text] -= 1
        elif not exceptions.is_left_out("told", kind, thing, self.reference.kernel):
            self.odd.append(f"{kind} {event['action']} (seq {event['seq']}) of what was not there: {nearest(text, self.objects[kind])}")

    def text(self, kind, thing, event):
        return json.dumps(self.clean(kind, exceptions.the_same(kind, thing), event), sort_keys=True)

    def clean(self, kind, value, event, path=""):
        """What counts of an object, with interfaces by their number: a rename is told of the link alone."""
        if isinstance(value, dict):
            kept = {}
            for key, item in value.items():
                here = f"{path}.{key}" if path else key
                if here in self.reference.volatile[kind] or exceptions.never_counts(kind, here):
                    continue
                if here in self.reference.names[kind] and isinstance(item, str):
                    known = event.get("ifindex") if item == event.get("ifname") else self.links.get(item)
                    item = f"#{known}" if known is not None else item
                item = self.clean(kind, item, event, here)
                if item not in ({}, [], None):
                    kept[key] = item
            return kept
        if isinstance(value, list):
            return [self.clean(kind, item, event, path) for item in value]
        return value


def put_back(new, changed):
    """The object before a change: each dotted path of `changed` has its old value again, or is gone."""
    old = copy.deepcopy(new)
    for path, pair in changed.items():
        *parents, last = path.split(".")
        here = old
        for key in parents:
            if not isinstance(here.get(key), dict):
                here[key] = {}
            here = here[key]
        if "old" in pair:
            here[last] = pair["old"]
        else:
            here.pop(last, None)
    return old


def unknown(value):
    """What stands in the lists `unknown` of an object."""
    if isinstance(value, dict):
        own = [value["unknown"]] if "unknown" in value else []
        return own + [found for item in value.values() for found in unknown(item)]
    return [found for item in value for found in unknown(item)] if isinstance(value, list) else []


def nearest(text, others):
    """An object, and how it differs from the most similar one of others."""
    one = flat(json.loads(text))
    best = None
    for other, count in others.items():
        if count > 0:
            theirs = flat(json.loads(other))
            differing = sorted(path for path in {*one, *theirs} if one.get(path) != theirs.get(path))
            if best is None or len(differing) < len(best[0]):
                best = (differing, theirs)
    if best is None or len(best[0]) > 4:
        return text[:300]
    pairs = ", ".join(f"{path}: {one.get(path)} instead of {best[1].get(path)}" for path in best[0])
    return f"{pairs} in {text[:300]}"


def flat(value, path=""):
    """Leaves by their dotted paths; a list of scalars is a leaf."""
    if isinstance(value, dict):
        return {key: leaf for name, item in value.items() for key, leaf in flat(item, f"{path}.{name}".lstrip(".")).items()}
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return {key: leaf for number, item in enumerate(value) for key, leaf in flat(item, f"{path}[{number}]").items()}
    return {path: value if not isinstance(value, list) else json.dumps(value)}


def sum_differences(fold, listed, reference):
    """What the sum of the events and `linkhook list` do not have in common."""
    seen = Fold(reference)
    seen.links = dict(fold.links)
    seen.read(listed)
    for kind in sorted({*fold.objects, *seen.objects}):
        told, there = +fold.objects[kind], +seen.objects[kind]
        for what, some, others in (("listed, but not told", there - told, told - there), ("told, but not listed", told - there, there - told)):
            for text, count in some.items():
                if not exceptions.is_left_out(what.split(",")[0], kind, json.loads(text), reference.kernel):
                    yield f"{kind}: {what}{f' ×{count}' if count > 1 else ''}: {nearest(text, others)}"


# --- What ip, bridge and tc print --------------------------------------------------------------------------------------------

def keep_repeated(pairs):
    """A key of which tc prints several in an object is a list of its values."""
    found = {}
    for key, value in pairs:
        key = key.strip()
        found[key] = [*found.get(key, []), value] if key in exceptions.REPEATED else value
    return found


def printed(place, commands, kernel):
    """Rows of each kind that the commands printed: (kind, row, the command)."""
    for line in commands:
        name, command = line.rstrip("\n").split("\t")
        first = name.split(".")[0]
        kind, inside = exceptions.COMMANDS.get(first, (first, None))
        said = (place / f"{name}.json").read_text().strip()
        for what, instead, _ in exceptions.MENDED:
            said = re.sub(what, instead, said)
        try:
            # Where there is nothing, some end before they close the list.
            rows = json.loads("[]" if said in ("", "[") else said, object_pairs_hook=keep_repeated)
        except ValueError:
            yield kind, None, f"{command}: {said[:200]}"
            continue
        if kind in exceptions.ROWS_REPEATED:
            rows = [row for place, row in enumerate(rows) if row not in rows[:place]]
        device = re.search(r" dev (\S+)", command)
        block = re.search(r" block (\d+)", command)
        given = {"dev": device.group(1)} if device else {"block": int(block.group(1))} if block else {}
        parent = re.search(r" parent (\S+)", command)
        if parent and kind == "chain":
            given["parent"] = parent.group(1)
        family = re.search(r" -(4|6|f mpls) ", command)
        if family and not first.startswith("netconf"):
            of = {"4": "ipmr", "6": "ip6mr"} if first.startswith(("mrule", "mroute")) else {"4": "inet", "6": "inet6", "f mpls": "mpls"}
            given["family"] = of[family.group(1)]
        for row in rows:
            parts = [{**{key: row[key] for key in ("ifname", "ifindex", "dev") if key in row}, **part}
                     for part in inner(row, inside)] if inside else [row]
            for part in (one for listed in parts for one in ranged(listed)):
                whole = exceptions.the_same(kind, {**given, **part})
                if part and not exceptions.is_left_out(first, kind, whole, kernel):
                    yield kind, whole, command


def ranged(row):
    """bridge prints neighbouring VLANs with the same options as one row."""
    last = row.get("vlanEnd")
    if last is None:
        return [row]
    rest = {key: value for key, value in row.items() if key != "vlanEnd"}
    return [{**rest, "vlan": number} for number in range(row["vlan"], last + 1)]


def inner(row, inside):
    return [part for part in row.get(inside, []) if isinstance(part, dict)]


def objects(listed):
    """The objects of `linkhook list` by their kind, with the interface that the line names."""
    found = collections.defaultdict(list)
    for line in listed:
        event = json.loads(line)
        kind = event["event"]
        around = {key: event[key] for key in ("ifname", "ifindex") if key in event}
        found[kind].append({**around, **exceptions.the_same(kind, event[kind])})
    return found


def number(text):
    if not isinstance(text, str):
        return text
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def is_same(printed_value, known):
    """Whether ip's value says what linkhook's does: null is true, numbers may be texts, fractions have six digits."""
    if printed_value is None:
        return known not in (False, 0)
    if isinstance(printed_value, list) and isinstance(known, list):
        order = functools.partial(sorted, key=str)
        return len(printed_value) == len(known) and (all(map(is_same, printed_value, known)) or order(printed_value) == order(known))
    one, other = number(printed_value), number(known)
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= 1e-5 * max(abs(one), abs(other))
    return one == other


def differing(row, thing, kind, volatile):
    """The paths at which ip prints something else than linkhook has; what never counts as a change has to be there alone."""
    theirs = flat(thing)
    for path, value in flat(row).items():
        plain = re.sub(r"\[\d+\]", "[]", path)
        if value in ("{}", "[]") or exceptions.prints_otherwise(kind, plain):
            continue
        known, value = theirs.get(path), exceptions.read(kind, plain, value)
        if (kind, plain) in exceptions.WORDS_OF_IP:
            value = json.dumps([word for word in json.loads(value) if word not in exceptions.WORDS_OF_IP[kind, plain]])
        if known is not None and plain.replace("[]", "") in volatile:
            continue
        beside = theirs.get(f"{path}_id")
        if path in theirs and is_same(json.loads(value) if str(value).startswith("[") else value,
                                      json.loads(known) if str(known).startswith("[") else known):
            continue
        if beside is not None and is_same(value, beside) or value is None and known is None:
            continue
        yield path, value, known


def row_differences(place, listed, reference):
    """What ip, bridge and tc print otherwise than `linkhook list`, what they alone have, and what they lack."""
    there = objects(listed)
    buckets, used, complete = {}, collections.defaultdict(set), set()
    with open(place / "commands") as commands:
        for kind, row, command in printed(place, commands, reference.kernel):
            if row is None:
                yield f"{kind}: this is no JSON: {command}"
                continue
            keys = exceptions.SAME_BY[kind]
            if kind not in buckets:
                buckets[kind] = collections.defaultdict(list)
                for position, thing in enumerate(there[kind]):
                    buckets[kind][identity(thing, keys)].append(position)
            free = [position for position in buckets[kind][identity(row, keys)] if position not in used[kind]]
            if not free and kind in exceptions.STANDS_FOR_SEVERAL:
                free = buckets[kind][identity(row, keys)]
            best = min(((position, list(differing(row, there[kind][position], kind, reference.volatile[kind]))) for position in free),
                       key=lambda pair: len(pair[1]), default=None)
            if best is None:
                yield f"{kind}: {command} shows what linkhook does not list: {json.dumps(row)[:300]}"
                continue
            used[kind].add(best[0])
            for path, value, known in best[1]:
                yield f"{kind}: {command} has {path} = {value!r} where linkhook has {known!r}: {json.dumps(row)[:200]}"
            complete.add(kind)
    for kind in sorted(complete):
        for position, thing in enumerate(there[kind]):
            if position not in used[kind] and not exceptions.is_left_out("unprinted", kind, thing, reference.kernel):
                yield f"{kind}: linkhook lists what ip does not show: {json.dumps(thing)[:300]}"


def identity(thing, keys):
    """What must be the same for a row and an object to be one: the first key of each that either has."""
    found = []
    for alternatives in keys:
        value = next((thing[key] for key in alternatives.split("|") if thing.get(key) is not None), None)
        found.append(str(value) if value not in ("all", "any", 0, "0") else "None")
    return tuple(found)


# --- A scene -----------------------------------------------------------------------------------------------------------------

def verdict(out, events_page):
    """Everything that is not as it should be in what a scene has left."""
    wrong = []
    release = re.match(r"(\d+)\.(\d+)", " ".join(read(out / "kernel")))
    reference = Reference(events_page, tuple(map(int, release.groups())) if release else (0, 0))
    if not (out / "done").exists():
        wrong.append("the scene did not come to its end")
    for line in read(out / "failures"):
        wrong.append(f"a command failed: {line}")
    for file in ("watch.err", "verify.err"):
        wrong += [f"linkhook said: {line}" for line in read(out / file)]
    for line in read(out / "verify.jsonl"):
        wrong.append(f"--verify found: {line[:400]}")
    for line in read(out / "dmesg"):
        if re.search(r"\b(WARNING|BUG|Oops|KASAN)\b", line):
            wrong.append(f"the kernel said: {line}")
    told = (out / "events.jsonl").read_bytes() if (out / "events.jsonl").exists() else b""
    fold, begin = Fold(reference), 0
    for name in read(out / "checks"):
        place = out / f"check.{name}"
        end = int((place / "octets").read_text())
        fold.read(told[begin:end].decode().splitlines())
        begin = end
        listed = read(place / "list.jsonl")
        wrong += [f"{name}: {line}" for line in sum_differences(fold, listed, reference)]
        wrong += [f"{name}: {line}" for line in row_differences(place, listed, reference)]
    wrong += fold.odd
    return wrong


def gathered(wrong, most):
    """The same, with at most so many of one kind and sort."""
    counts = collections.Counter()
    for line in wrong:
        sort = tuple(line.split(":")[:3])
        counts[sort] += 1
        if counts[sort] <= most:
            yield line
    for sort, count in counts.items():
        if count > most:
            yield f"{':'.join(sort)}: and {count - most} more"


def read(file):
    return file.read_text(errors="replace").splitlines() if file.exists() else []
