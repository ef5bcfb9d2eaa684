"""Parses rule code and view filters, a small subset of JavaScript, into ESTree with places.

Grammar and limits: languages reference, sections 1.1 to 1.3. What names mean is left to `bind`. Time is linear in
the length of the text; the call stack grows with nesting (at most 50), never with the length of a chain.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from polus.lang import tree
from polus.lang.refused import BrokenSyntax, OverLimit
from polus.lang.tokens import Spot, Tokens, number_value, string_value
from polus.lang.tree import Node

ROOTS = ("ticket", "message", "customer")
# Words that JavaScript keeps for itself: never the name of a function here, always fine after a dot.
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """await break case catch class const continue debugger default delete do else enum export extends finally
        for function if import in instanceof let new return static super switch this throw try typeof var void
        while with yield null true false""",
    )
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one text may be. `size` in UTF-8 bytes, the rest counted."""

    size: int
    nodes: int
    conditions: int
    actions: int
    depth: int = 50
    links: int = 200
    elements: int = 1_000
    path: int = 20


CODE = Limits(size=65_536, nodes=20_000, conditions=2_000, actions=500)
FILTERS = Limits(size=16_384, nodes=5_000, conditions=500, actions=0)


class Parsed(NamedTuple):
    """An operand and the tokens it covers, parentheses included."""

    node: Node
    start: Spot
    end: Spot


def code(text: str) -> Node:
    """The Program of a rule. Raises Refused; a rule without any statement is refused too."""
    parser = Parser(text, CODE)
    found = parser.program()
    if not found["body"]:
        raise BrokenSyntax(*parser.tokens.current.start, "end of text", "a statement")
    return found


def filters(text: str) -> Node:
    """The Program of a view filter: one expression, or nothing. Raises Refused."""
    return Parser(text, FILTERS).filter()


class Parser:
    """Recursive descent over one text; each method reads one line of the grammar."""

    def __init__(self, text: str, limits: Limits) -> None:
        if len(text) > limits.size or len(text.encode("utf-8", "surrogatepass")) > limits.size:
            raise OverLimit("long")
        self.tokens = Tokens(text)
        self.limits = limits
        self.first = self.tokens.current.start
        self.depth = self.nodes = self.conditions = self.actions = 0
        self.blank = text == ""

    # Whole texts

    def program(self) -> Node:
        body: list[Node] = []
        while self.tokens.current.kind != "end":
            body.append(self.statement())
        return self._program(body)

    def filter(self) -> Node:
        if self.tokens.current.kind == "end":
            return self._program([])
        found = self.expression()
        self._take(";")
        if self.tokens.current.kind != "end":
            self._fail("'&&', '||' or the end of the filter")
        return self._program([self._grow(tree.statement(found.node))])

    def _program(self, body: list[Node]) -> Node:
        if self.blank:
            return tree.empty()
        return tree.program(body, self.first, self.tokens.last_end if body else self.first)

    # Statements

    def statement(self) -> Node:
        token = self.tokens.current
        if token.text == "if" and token.kind == "name":
            return self._if()
        if self._at("{"):
            return self._block()
        if self._take(";"):
            return self._grow(tree.nothing(token.start, token.end))
        if token.text == "Action":
            made = tree.statement(self._action())
            self._take(";")
            return self._grow(made)
        return self._fail("if, Action, '{' or ';'")

    def _block(self) -> Node:
        start = self._expect("{")
        self._enter()
        body: list[Node] = []
        while not self._at("}"):
            if self.tokens.current.kind == "end":
                self._fail("'}'")
            body.append(self.statement())
        self.depth -= 1
        self.tokens.advance()
        return self._grow(tree.block(body, start, self.tokens.last_end))

    def _if(self) -> Node:
        """An `if` with all its `else if` links, read in a loop so that a long ladder costs no depth."""
        links: list[tuple[Spot, Node, Node]] = []
        alternate: Node | None = None
        while True:
            links.append(self._link())
            if len(links) > self.limits.links + 1:
                raise OverLimit("complex")
            if not self._word("else"):
                break
            self.tokens.advance()
            if not self._word("if"):
                alternate = self._body()
                break
        end = self.tokens.last_end
        for start, test, consequent in reversed(links):
            alternate = self._grow(tree.condition(test, consequent, alternate, start, end))
        assert alternate is not None
        return alternate

    def _link(self) -> tuple[Spot, Node, Node]:
        start = self.tokens.advance().start
        self._expect("(")
        test = self.expression().node
        self._expect(")", "'&&', '||' or ')'")
        return start, test, self._body()

    def _body(self) -> Node:
        """What an `if` or `else` governs; a block counts its own depth."""
        if self._at("{"):
            return self._block()
        self._enter()
        found = self.statement()
        self.depth -= 1
        return found

    def _action(self) -> Node:
        self.actions += 1
        if self.actions > self.limits.actions:
            raise OverLimit("complex")
        word = self.tokens.advance()
        callee = self._grow(tree.identifier(word))
        self._expect("(")
        if self.tokens.current.kind != "string":
            self._fail("the name of an action in quotes")
        arguments = [self._literal()]
        if self._take(","):
            if not self._at("{"):
                self._fail("'{'")
            arguments.append(self._object())
        self._expect(")")
        return self._grow(tree.call(callee, arguments, word.start, self.tokens.last_end))

    # Expressions

    def expression(self) -> Parsed:
        left = self._and()
        while self._take("||"):
            left = self._joined("||", left, self._and())
        return left

    def _and(self) -> Parsed:
        left = self._unary()
        while self._take("&&"):
            left = self._joined("&&", left, self._unary())
        return left

    def _joined(self, operator: str, left: Parsed, right: Parsed) -> Parsed:
        made = tree.logical(operator, left.node, right.node, left.start, right.end)
        return Parsed(self._grow(made), left.start, right.end)

    def _unary(self) -> Parsed:
        token = self.tokens.current
        if self._take("!"):
            self._enter()
            inner = self._unary()
            self.depth -= 1
            made = tree.unary("!", inner.node, token.start, inner.end)
            return Parsed(self._grow(made), token.start, inner.end)
        if self._take("("):
            self._enter()
            inner = self.expression()
            self.depth -= 1
            self._expect(")", "'&&', '||' or ')'")
            return Parsed(inner.node, token.start, self.tokens.last_end)
        if token.kind == "name" and token.text in ("true", "false"):
            return Parsed(self._literal(), token.start, token.end)
        return self._condition()

    def _condition(self) -> Parsed:
        word = self.tokens.current
        if word.kind != "name" or word.text in RESERVED or word.text == "Action":
            self._fail("a condition")
        self.conditions += 1
        if self.conditions > self.limits.conditions:
            raise OverLimit("complex")
        self.tokens.advance()
        callee = self._grow(tree.identifier(word))
        self._expect("(")
        arguments = [self._path()]
        if self._take(","):
            arguments.append(self._value())
        self._expect(")", "')'" if len(arguments) > 1 else "'.', ',' or ')'")
        end = self.tokens.last_end
        return Parsed(self._grow(tree.call(callee, arguments, word.start, end)), word.start, end)

    def _path(self) -> Node:
        token = self.tokens.current
        if token.kind != "name" or token.text not in ROOTS:
            self._fail("a field that starts with ticket, message or customer")
        self.tokens.advance()
        found = self._grow(tree.identifier(token))
        segments = 1
        while self._at(".") or self._at("["):
            segments += 1
            if segments > self.limits.path:
                raise OverLimit("complex")
            found = self._segment(found, token.start)
        return found

    def _segment(self, target: Node, start: Spot) -> Node:
        if self._take("."):
            name = self.tokens.current
            if name.kind != "name":
                self._fail("a name")
            self.tokens.advance()
            found = self._grow(tree.identifier(name))
            return self._grow(tree.member(target, found, False, start, name.end))
        self.tokens.advance()
        index = self._index()
        self._expect("]")
        return self._grow(tree.member(target, index, True, start, self.tokens.last_end))

    def _index(self) -> Node:
        token = self.tokens.current
        if token.kind == "string":
            return self._literal()
        number = (
            self._number() if self._at("-") or token.kind == "number" else self._fail("a number or a string")
        )
        inner = number.get("argument", number)
        if not isinstance(inner["value"], int):
            raise BrokenSyntax(*token.start, "number", "a whole number")
        return number

    # Values

    def _value(self) -> Node:
        token = self.tokens.current
        if self._at("["):
            return self._array()
        if self._at("-") or token.kind == "number":
            return self._number()
        if token.kind == "string" or (token.kind == "name" and token.text in ("true", "false", "null")):
            return self._literal()
        return self._fail("a string, a number, true, false, null or an array")

    def _literal(self) -> Node:
        token = self.tokens.advance()
        if token.kind == "string":
            return self._grow(tree.literal(token, string_value(token)))
        if token.kind == "number":
            return self._grow(tree.literal(token, number_value(token)))
        return self._grow(tree.literal(token, {"true": True, "false": False, "null": None}[token.text]))

    def _number(self) -> Node:
        sign = self.tokens.current
        if not self._take("-"):
            return self._literal()
        if self.tokens.current.kind != "number":
            self._fail("a number")
        inner = self._literal()
        return self._grow(tree.unary("-", inner, sign.start, self.tokens.last_end))

    def _array(self) -> Node:
        start = self._expect("[")
        self._enter()
        elements: list[Node] = []
        while not self._at("]"):
            elements.append(self._value())
            if len(elements) > self.limits.elements:
                raise OverLimit("complex")
            if not self._take(","):
                break
        self.depth -= 1
        self._expect("]", "',' or ']'")
        return self._grow(tree.array(elements, start, self.tokens.last_end))

    def _object(self) -> Node:
        start = self._expect("{")
        self._enter()
        pairs: list[Node] = []
        while not self._at("}"):
            pairs.append(self._pair())
            if not self._take(","):
                break
        self.depth -= 1
        self._expect("}", "',' or '}'")
        return self._grow(tree.mapping(pairs, start, self.tokens.last_end))

    def _pair(self) -> Node:
        key = self.tokens.current
        if key.kind == "string":
            name = self._literal()
        elif key.kind == "name":
            name = self._grow(tree.identifier(self.tokens.advance()))
        else:
            self._fail("the name of an argument")
        self._expect(":")
        value = self._object() if self._at("{") else self._value()
        return self._grow(tree.pair(name, value, key.start, self.tokens.last_end))

    # Tokens and limits

    def _at(self, text: str) -> bool:
        token = self.tokens.current
        return token.kind == "punct" and token.text == text

    def _word(self, text: str) -> bool:
        token = self.tokens.current
        return token.kind == "name" and token.text == text

    def _take(self, text: str) -> bool:
        if not self._at(text):
            return False
        self.tokens.advance()
        return True

    def _expect(self, text: str, said: str = "") -> Spot:
        start = self.tokens.current.start
        if not self._take(text):
            self._fail(said or f"'{text}'")
        return start

    def _fail(self, expected: str) -> NoReturn:
        token = self.tokens.current
        raise BrokenSyntax(*token.start, token.shown(), expected)

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > self.limits.depth:
            raise OverLimit("deep")

    def _grow(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise OverLimit("complex")
        return node
