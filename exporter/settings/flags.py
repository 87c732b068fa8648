"""The words of the command line, before and after argparse reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import TypeAdapter, ValidationError

from exporter.settings.sources import KEY, KEY_REFUSED, Leaf, flag_of, nearest, unknown

SWITCH = TypeAdapter(bool)
# argparse's words, and what they mean here.
OF_ARGPARSE = {"expected one argument": "needs a value", "ignored explicit argument": "takes no value"}


def without_values_of_switches(argv: Sequence[str], leaves: Iterable[Leaf]) -> tuple[list[str], list[str]]:
    """The words, with `--x` or `--no-x` in place of `--x=true` or `--x=false`, and what is wrong with other values."""
    switches = {flag: leaf for leaf in leaves if leaf.off_flag for flag in (leaf.flag, leaf.off_flag)}
    words, problems = [], []
    for word in argv:
        flag, equals, text = word.partition("=")
        if not equals or flag not in switches:
            words.append(word)
            continue
        leaf = switches[flag]
        try:
            is_on = SWITCH.validate_python(text.strip())
        except ValidationError:
            problems.append(f"{flag}: must be true or false, got {text!r}")
        else:
            words.append(str(leaf.flag if is_on == (flag == leaf.flag) else leaf.off_flag))
    return words, problems


def wrong_flag(said: str) -> str:
    """What argparse says of a flag, without the value, which may be secret."""
    name, _, problem = said.partition(": ")
    return f"{name}: " + next((ours for theirs, ours in OF_ARGPARSE.items() if problem.startswith(theirs)), problem)


def unknown_flags(words: Sequence[str], leaves: Sequence[Leaf]) -> Iterator[str]:
    """What there is to say of the words that argparse does not know."""
    flags = [word.partition("=")[0] for word in words if word.startswith("-")]
    for flag in flags:
        yield f"{flag}: {_unknown(flag, leaves)}"
    if not flags:  # else they may be the values of those, and secret
        yield from (f"{word}: surplus argument, after the command" for word in words)


def _unknown(flag: str, leaves: Sequence[Leaf]) -> str:
    name = flag.removeprefix("--")
    leaf = nearest(name.removeprefix("no-"), leaves)
    if leaf and leaf.path == KEY:
        return KEY_REFUSED
    return unknown(leaf and ((name.startswith("no-") and leaf.off_flag) or flag_of(leaf.path)))
