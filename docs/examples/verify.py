"""Checks an evidence file of FlashGrid with nothing but Python: verify.py FILE [ROOT]. docs/evidence.md describes the file."""
import gzip, hashlib, json, sys
from collections import Counter, defaultdict

def node(left, right): return hashlib.sha256(b"\1" + left + right).digest()

waiting = {}                                   # complete subtrees by height: the Merkle tree of RFC 6962
def leaf(line):
    value, height = hashlib.sha256(b"\0" + line).digest(), 0
    while height in waiting: value, height = node(waiting.pop(height), value), height + 1
    waiting[height] = value

tickets, users, units, requests, end, head, root, named = defaultdict(list), Counter(), [], 0, None, None, None, None
accepted = granted = refused = 0
claimed, unsettled, broken = set(), Counter(), Counter()

try:
    with gzip.open(sys.argv[1], "rb") as file:
        for raw in file:
            line = raw.rstrip(b"\n")
            kind, *field = line.decode("ascii").split("\t")
            if kind == "M": named = field[0]; continue
            leaf(line)
            if kind == "H":
                head = json.loads(field[0])
                if "parts" in head: raise ValueError("it has several sales; `flashgrid verify` judges each")
            elif kind == "T":
                unit, reservation, user = field
                tickets[reservation].append((int(unit), user)); users[user] += 1; units.append(int(unit))
            elif kind == "E": end = json.loads(field[0])
            elif kind == "R":
                number, user, status, http, sent, answered, reservation, outcome, due = field
                if int(number) != requests: raise ValueError(f"request {requests} is missing")
                requests += 1
                owns = tickets.get(reservation, [])
                if owns: claimed.add(reservation)
                elif status == "unknown" or (status == "rejected" and int(http) >= 500): unsettled[user] += 1
                if any(user != owner for _, owner in owns): broken["no_phantom"] += 1
                if status != "accepted": continue
                accepted += 1
                if outcome == "granted" or (outcome == "-" and owns): granted += 1
                elif outcome != "-": refused += 1
                expected = sorted(map(int, due.split(","))) if outcome == "granted" else []
                if outcome != "-" and sorted(unit for unit, _ in owns) != expected: broken["single_outcome"] += 1
    for height in sorted(waiting): root = waiting[height] if root is None else node(waiting[height], root)
    root = root.hex()
except Exception as error: sys.exit(f"This file can't be judged: {error}")
if root != named or (len(sys.argv) > 2 and sys.argv[2] != root): sys.exit(f"CHANGED: the records make the root {root}")
sale, stock = head["sale"], head["sale"]["stock"]
for reservation, owned in tickets.items():
    if reservation in claimed: continue
    if unsettled[owned[0][1]] == 0: broken["no_phantom"] += 1
    else: unsettled[owned[0][1]] -= 1
if len(units) > stock or len(set(units)) < len(units) or any(not 1 <= unit <= stock for unit in units): broken["no_oversell"] += 1
if accepted != granted + refused: broken["conservation"] += 1
if end["remaining"] is None or end["remaining"] < 0 or end["remaining"] + len(units) != stock: broken["stock_balance"] += 1
if any(held > sale["perBuyerLimit"] for held in users.values()): broken["buyer_limit"] += 1

print(f"root {root}\n{requests} requests, {len(units)} tickets for {stock} units, {accepted} = {granted} + {refused}")
for check in ("no_oversell", "conservation", "single_outcome", "no_phantom", "stock_balance", "buyer_limit"):
    unjudged = "target" in head["run"] and end["checks"].get(check) == "notJudged"
    print("-      " if unjudged else "FAILED " if broken[check] else "passed ", check)
    if unjudged: del broken[check]
sys.exit(3 if broken else 0)
