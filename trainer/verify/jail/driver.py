"""Runs inside a jailed interpreter, as one of two processes that know each other only through the parent.

The candidate holds the program and answers calls; the judge holds the tests, whose names of the
program's functions are calls to the candidate. What they say is described in package wire (values) and
package dialect (messages). Nothing here is secret and nothing here is trusted: the candidate may change
any of it in its own process, and the judge only ever builds plain values from what comes in.
"""
import sys
from posix import _exit, read, write

REQUESTS, REPLIES = 3, 4
MAX_DEPTH, MAX_ENCODED, MAX_TEXT = 100, 1 << 22, 1000
OUT_OF_MEMORY = 101  # exit status


class Refused(Exception):
    """A value that is not plain data."""


def read_exactly(n):
    parts = []
    while n:
        part = read(REQUESTS, min(n, 1 << 20))
        if not part:
            _exit(0)
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def receive():
    frame = read_exactly(int.from_bytes(read_exactly(4), "big"))
    return decode(frame)


def send(*values):
    frame = encode(list(values))
    frame = memoryview(len(frame).to_bytes(4, "big") + frame)
    while frame:
        frame = frame[write(REPLIES, frame):]


def encode(value):
    left = MAX_ENCODED

    def walk(v, depth):
        nonlocal left
        if depth == 0:
            raise Refused(f"the value nests deeper than {MAX_DEPTH} or holds itself")
        if v is None:
            tag, payload = b"~", b""
        elif isinstance(v, bool):
            tag, payload = b"!", b"true" if v else b"false"
        elif isinstance(v, int):
            tag, payload = b"#", b"%x" % v
        elif isinstance(v, float):
            tag, payload = b"^", float.hex(v).encode()
        elif isinstance(v, complex):
            tag, payload = b"j", walk(v.real, depth - 1) + walk(v.imag, depth - 1)
        elif isinstance(v, str):
            try:
                tag, payload = b",", str.encode(v, "utf-8")
            except UnicodeEncodeError:
                raise Refused("the value holds text that is not UTF-8") from None
        elif isinstance(v, (bytes, bytearray)):
            tag, payload = b"'", bytes(v)
        elif isinstance(v, dict):
            tag, payload = b"}", b"".join(walk(x, depth - 1) for pair in dict.items(v) for x in pair)
        else:
            for kind, tag in ((list, b"]"), (tuple, b")"), (set, b">"), (frozenset, b"<")):
                if isinstance(v, kind):
                    break
            else:
                raise Refused(f"a value of type {type(v).__name__} is not plain data")
            payload = b"".join([walk(x, depth - 1) for x in kind.__iter__(v)])
        left -= 3 if tag in b"])}><" else len(payload) + 3
        if left < 0:
            raise Refused(f"the value is larger than {MAX_ENCODED} bytes")
        return b"%d:%s%s" % (len(payload), payload, tag)

    return walk(value, MAX_DEPTH)


def decode(frame):
    def item(at):
        colon = frame.index(b":", at, at + 12)
        end = colon + 1 + int(frame[at:colon])
        return build(colon + 1, end, frame[end:end + 1]), end + 1

    def items(at, end):
        values = []
        while at < end:
            value, at = item(at)
            values.append(value)
        return values

    def build(start, end, tag):
        if tag == b"~":
            return None
        if tag in b"])><":
            kind = {b"]": list, b")": tuple, b">": set, b"<": frozenset}[tag]
            return kind(items(start, end))
        if tag == b"}":
            flat = items(start, end)
            return dict(zip(flat[::2], flat[1::2]))
        if tag == b"j":
            return complex(*items(start, end))
        payload = frame[start:end]
        if tag == b"'":
            return payload
        text = payload.decode()
        if tag == b",":
            return text
        if tag == b"!":
            return text == "true"
        return int(text, 16) if tag == b"#" else float.fromhex(text)

    return item(0)[0]


def describe(error):
    try:
        return str(error)[:MAX_TEXT].encode("utf-8", "replace").decode()
    except BaseException:
        return ""


def flush():
    try:
        sys.stdout.flush()
    except BaseException:
        pass


def attempt(act):
    """Runs a piece of the program and sends what came of it."""
    try:
        answer = act()
    except BaseException as error:
        answer = ("raise", type(error).__name__, describe(error))
        error = None
    flush()
    try:
        send(*answer)
    except Refused as refused:
        send("refuse", str(refused))
    except RecursionError:
        send("refuse", "the value cannot be written down")


def candidate(text):
    module = type(sys)("program")
    sys.modules["program"] = module
    space = module.__dict__

    def load():
        exec(compile(text, "program", "exec"), space)
        names = [n for n, v in space.items() if type(n) is str and callable(v) and not n.startswith("_")]
        return "loaded", names[:1000]

    def call(name, args, named):
        if name not in space:
            raise NameError(f"the program defines no function {name}")
        return "value", space[name](*args, **named), 0

    attempt(load)
    while True:
        _, name, args, named = receive()
        attempt(lambda: call(name, args, named))


# What a call may raise in the tests; all else becomes RuntimeError. StopIteration is left out on purpose:
# inside all(map(...)) it would end the tests as if they had passed.
RAISED = {e.__name__: e for e in (
    ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, LookupError, NameError, NotImplementedError,
    OverflowError, PermissionError, RecursionError, RuntimeError, TypeError, ValueError, ZeroDivisionError)}


def function(name):
    def call(*args, **named):
        try:
            send("call", name, args, named)
        except Refused as refused:
            raise TypeError(f"{name} cannot be called with this: {refused}") from None
        verb, *rest = receive()
        if verb == "value":
            return rest[0]
        if verb == "raise" and rest[0] in RAISED:
            raise RAISED[rest[0]](rest[1])
        raise RuntimeError(": ".join(map(str, rest)))

    call.__name__ = name
    return call


def judge(text, names):
    import builtins
    known = dict(vars(builtins))
    for name in names:
        known.setdefault(name, function(name))
    try:
        code = compile(text, "tests", "exec")
    except (SyntaxError, ValueError) as error:
        return "refused", f"the tests do not parse: {describe(error)}"
    try:
        exec(code, {"__name__": "tests", "__builtins__": known})
    except BaseException as error:
        return "fail", f"{where(error)}{type(error).__name__}: {describe(error)}".rstrip(": ")
    return "pass", ""


def where(error):
    """The last line of the tests that the error came through."""
    line, trace = 0, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "tests":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""


def main():
    sys.path[:] = [p for p in sys.path if p]
    try:
        verb, text, *rest = receive()
        if verb == "tests":
            outcome = judge(text, rest[0])
            flush()
            send("verdict", *outcome)
        else:
            candidate(text)
    except MemoryError:
        _exit(OUT_OF_MEMORY)


main()
