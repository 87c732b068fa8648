"""A YAML file as text: every scalar is what its writer wrote, and what could be read in two ways is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

NULLS = {"", "~", "null", "Null", "NULL"}
PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}


class YamlError(Exception):
    """What is wrong with a file and where, without its content."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(f"{'' if line is None else f', line {line}'}: {problem}")


class Entry(NamedTuple):
    """A section, or a setting of one, its text or texts if it is set, and what is wrong with it."""

    path: tuple[str, ...]
    value: str | list[str] | None = None
    problem: str = ""
    line: int = 0


def entries_of(path: Path, read_as: Callable[[bytes], Iterator[Entry]]) -> list[Entry]:
    """Of a file that a setting names. Raises ValueError."""
    try:
        return list(read_as(path.read_bytes()))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except YamlError as error:
        raise ValueError(f"{path}{error}") from None


def read_texts(data: bytes) -> Iterator[Entry]:
    """Every entry of a mapping of texts. Raises `YamlError`."""
    root = _compose(data)
    if not (_is_null(root) or isinstance(root, MappingNode)):
        raise YamlError("must be a mapping of texts")
    return (Entry((name,), _text(node), problem, _line(node)) for name, node, problem in _names(root))


def read(data: bytes) -> Iterator[Entry]:
    """Every section and setting, whether known or not. Raises `YamlError`."""
    root = _compose(data)
    if not (_is_null(root) or isinstance(root, MappingNode)):
        raise YamlError("must be a mapping of settings")
    return _entries(root)


def _entries(root: Node | None) -> Iterator[Entry]:
    for section, settings, problem in _names(root):
        is_section = _is_null(settings) or isinstance(settings, MappingNode)
        wrong = problem or ("" if is_section else "must be a mapping of settings")
        yield Entry((section,), problem=wrong)
        if not wrong:
            yield from _settings(section, settings)


def _settings(section: str, settings: Node) -> Iterator[Entry]:
    for name, node, problem in _names(settings):
        value = _text(node)
        is_text = value is not None or _is_null(node)
        yield Entry((section, name), value, problem or ("" if is_text else "must be text, or a list of texts"))


def _compose(data: bytes) -> Node | None:
    """The only document, None where there is none."""
    try:
        # The base loader gives no scalar a meaning, and makes no object; an alias becomes the node that it is of.
        loader = yaml.BaseLoader(data)
        root = loader.get_node() if loader.check_node() else None
        if loader.check_node():
            raise YamlError("must be one document, another begins here", _line(loader.get_node()))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise YamlError(f"not valid YAML{f': {what}' if what else ''}", mark.line + 1 if mark else None) from None
    _refuse_what_is_not_text(root)
    return root


def _names(node: Node | None) -> Iterator[tuple[str, Node, str]]:
    """Each name of a mapping once, with its value, and what is wrong with the name."""
    first: dict[str, tuple[Node, Node]] = {}
    problems: dict[str, str] = {}
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if key.value in first:
            problems[key.value] = f"given twice, on lines {_line(first[key.value][0])} and {_line(key)}"
        first.setdefault(key.value, (key, value))
    for name, (_, value) in first.items():
        yield name, value, problems.get(name, "")


def _is_null(node: Node | None) -> bool:
    return node is None or (isinstance(node, ScalarNode) and node.style is None and node.value in NULLS)


def _text(node: Node) -> str | list[str] | None:
    """A scalar, or a list of them, as it was written."""
    if isinstance(node, ScalarNode) and not _is_null(node):
        return str(node.value)
    if isinstance(node, SequenceNode) and all(isinstance(each, ScalarNode) for each in node.value):
        return [str(each.value) for each in node.value]
    return None


def _refuse_what_is_not_text(root: Node | None) -> None:
    seen: set[int] = set()
    waiting = [root] if root else []
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if node.tag not in PLAIN_TAGS:
            raise YamlError("tags, as in !!int or !secret, are not read: write the value alone", _line(node))
        for child in node.value if not isinstance(node, ScalarNode) else ():
            if isinstance(child, tuple):
                _refuse_name(child[0])
            waiting += child if isinstance(child, tuple) else [child]


def _refuse_name(key: Node) -> None:
    if not isinstance(key, ScalarNode):
        raise YamlError("the name of a setting must be text", _line(key))
    if key.value == "<<" and key.style is None:
        raise YamlError("merge keys are not read: write the settings out", _line(key))


def _line(node: Node | None) -> int:
    return node.start_mark.line + 1 if node else 1
