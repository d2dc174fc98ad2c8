"""Which operation a path means. Literal parts win over parts in braces.

Works on the path as it came (`raw_path`), so an escaped slash in an identifier stays inside it.
"""

from collections.abc import Iterable, Iterator, Mapping

from gateway.http.operation import Operation
from gateway.http.parsing import decode_segment
from gateway.http.problems import HttpError

_ANY = "{}"


class _Node:
    """One part of the tree of paths."""

    __slots__ = ("children", "methods", "names")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.methods: dict[str, Operation] = {}
        self.names: tuple[str, ...] = ()


class Routes:
    """Every operation by path and method."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        self._exact: dict[str, dict[str, Operation]] = {}
        for operation in operations:
            self._add(operation)

    def find(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]]:
        """The operation and the parts of the path. Raises `not_found` or `method_not_allowed`."""
        exact = self._exact.get(path)
        if exact is not None and method in exact:
            return exact[method], {}
        segments = path.split("/")[1:]
        found = list(_walk(self._root, segments, 0, ()))
        for node, values in found:
            if method in node.methods:
                decoded = (decode_segment(value) for value in values)
                return node.methods[method], dict(zip(node.names, decoded, strict=True))
        raise self._refusal([node for node, _ in found])

    def methods(self, path: str) -> list[str]:
        """All methods that the path has; empty for an unknown path."""
        found = _walk(self._root, path.split("/")[1:], 0, ())
        return _allowed([node for node, _ in found])

    def _add(self, operation: Operation) -> None:
        segments = operation.path.split("/")[1:]
        node = self._root
        for segment in segments:
            key = _ANY if segment.startswith("{") else segment
            node = node.children.setdefault(key, _Node())
        if operation.method in node.methods:
            raise ValueError(f"two operations for {operation.method} {operation.path}")
        node.methods[operation.method] = operation
        node.names = tuple(part[1:-1] for part in segments if part.startswith("{"))
        if not node.names:
            self._exact[operation.path] = node.methods

    def _refusal(self, nodes: list[_Node]) -> HttpError:
        allowed = ", ".join(_allowed(nodes))
        if not allowed:
            return HttpError("not_found", "There is no such path; /docs lists them all.")
        return HttpError(
            "method_not_allowed", f"This path knows {allowed}.", headers={"Allow": allowed}
        )


def _walk(
    node: _Node, segments: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """All nodes that fit, the most literal first."""
    if at == len(segments):
        if node.methods:
            yield node, values
        return
    segment = segments[at]
    literal = node.children.get(segment)
    if literal is not None and segment != _ANY:
        yield from _walk(literal, segments, at + 1, values)
    wild = node.children.get(_ANY)
    if wild is not None and segment:
        yield from _walk(wild, segments, at + 1, (*values, segment))


def _allowed(nodes: list[_Node]) -> list[str]:
    methods = {method for node in nodes for method in node.methods}
    if "GET" in methods:
        methods.add("HEAD")
    return sorted({*methods, "OPTIONS"}) if methods else []
