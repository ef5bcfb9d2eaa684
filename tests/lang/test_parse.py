"""The parser: the documented tree, places, limits and errors; esprima as the oracle."""

import contextlib
import json
import time

import esprima
import pytest
from hypothesis import given, settings

from polus.lang import parse, tree
from polus.lang.refused import BrokenSyntax, OverLimit, Refused
from tests.lang import sources


def oracle(text):
    """Esprima's tree in the form of the wire."""
    return _wire(esprima.parseScript(text, {"loc": True}).toDict())


def _wire(node):
    if isinstance(node, list):
        return [_wire(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _wire(value) for key, value in node.items()}
    if node.get("type") == "Literal":
        node.setdefault("value", None)  # its toDict drops nulls
    if node.get("type") == "IfStatement":
        node.setdefault("alternate", None)
    if node.get("type") == "ExpressionStatement":
        node["loc"] = node["expression"]["loc"]  # the wire leaves the `;` out
    return node


def place(node):
    start, end = node["loc"]["start"], node["loc"]["end"]
    return (start["line"], start["column"], end["line"], end["column"])


@given(sources.programs)
@settings(max_examples=25, deadline=None)
def test_programs_parse_as_esprima_parses_them(text):
    assert parse.code(text) == oracle(text)


@given(sources.expressions)
@settings(max_examples=60, deadline=None)
def test_filters_parse_as_esprima_parses_them(text):
    assert parse.filters(text) == oracle(text)


def test_the_documented_example():
    found = parse.filters('eq(ticket.status, "open")')
    assert place(found) == (1, 0, 1, 25)
    assert found["sourceType"] == "script"
    (statement,) = found["body"]
    assert (statement["type"], place(statement)) == ("ExpressionStatement", (1, 0, 1, 25))
    call = statement["expression"]
    assert (call["callee"]["name"], place(call["callee"])) == ("eq", (1, 0, 1, 2))
    path, value = call["arguments"]
    assert (path["computed"], place(path)) == (False, (1, 3, 1, 16))
    assert (path["object"]["name"], place(path["object"])) == ("ticket", (1, 3, 1, 9))
    assert (path["property"]["name"], place(path["property"])) == ("status", (1, 10, 1, 16))
    assert (value["value"], value["raw"], place(value)) == ("open", '"open"', (1, 18, 1, 24))


def test_empty_filters_have_the_recorded_tree():
    zero = {"line": 0, "column": 0}
    assert parse.filters("") == {
        "type": "Program",
        "body": [],
        "sourceType": "script",
        "loc": {"start": zero, "end": zero},
    }


@pytest.mark.parametrize("text", ["  ", "\n\n", "// only a note", "/* x */"])
def test_blank_filters_have_an_empty_body(text):
    assert parse.filters(text)["body"] == []


@pytest.mark.parametrize("text", ["", "  \n", "// nothing"])
def test_a_rule_must_say_something(text):
    with pytest.raises(BrokenSyntax, match="unexpected end of text"):
        parse.code(text)


def test_a_program_starts_at_its_first_token():
    found = parse.code("\n  if (eq(ticket.status, 'open')) { Action('deleteTicket') }\n\n")
    assert place(found) == (2, 2, 2, 59)


def test_statement_places_leave_the_semicolon_out():
    (statement,) = parse.code("Action('deleteTicket') ;")["body"]
    assert place(statement) == (1, 0, 1, 22)


def test_parentheses_make_no_node_but_widen_the_logical_expression():
    (statement,) = parse.filters("(isEmpty(ticket.tags)) && (isEmpty(ticket.subject))")["body"]
    both = statement["expression"]
    assert place(both) == (1, 0, 1, 51)
    assert place(both["left"]) == (1, 1, 1, 21)


def test_columns_count_utf16_units():
    (statement,) = parse.filters('contains(ticket.subject, "💡é") || true')["body"]
    assert place(statement["expression"]["right"]) == (1, 35, 1, 39)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends(ending):
    found = parse.code(f"// a{ending}Action('deleteTicket'){ending}Action('deleteTicket')")
    assert [place(node)[0] for node in found["body"]] == [2, 3]


def test_two_actions_on_one_line_need_no_semicolon():
    assert len(parse.code("Action('a') Action('b'); Action('c')")["body"]) == 3


@pytest.mark.parametrize(
    "written, value",
    [
        (r"'a\n\r\t\b\f\vb'", "a\n\r\t\b\f\vb"),
        (r"'\x41\u0042\u{43}\u{1F4A1}'", "ABC💡"),
        (r"'💡'", "💡"),
        (r"'\'\"\\\/\q'", "'\"\\/q"),
        ("'a\\\nb\\\r\nc'", "abc"),
        ("'\u2028'", "\u2028"),
    ],
)
def test_strings(written, value):
    literal = parse.filters(f"eq(ticket.subject, {written})")["body"][0]["expression"]["arguments"][1]
    assert (literal["value"], literal["raw"]) == (value, written)


@pytest.mark.parametrize(
    "written, text",
    [("12", "12"), ("1.50", "1.5"), ("3.0", "3"), ("1e3", "1000"), ("1e21", "1e+21"), (".5", "0.5")],
)
def test_numbers_are_written_as_javascript_writes_them(written, text):
    literal = parse.filters(f"eq(ticket.id, {written})")["body"][0]["expression"]["arguments"][1]
    assert json.dumps(literal["value"]) == text
    assert f'"value":{text}' in tree.encode(literal)


@pytest.mark.parametrize(
    "text, message",
    [
        ("eq(ticket.status, ')", "line 1, column 18: unexpected string without end."),
        ("eq(ticket.status,\n  )", "line 2, column 2: unexpected ')'. Expected a string, a number,"),
        ("eq(ticket.status 1)", "line 1, column 17: unexpected number. Expected '.', ',' or ')'."),
        ("eq('x', 1)", "line 1, column 3: unexpected string. Expected a field that starts with ticket,"),
        ("eq(order.id, 1)", "line 1, column 3: unexpected 'order'. Expected a field that starts with"),
        ("ticket.id == 1", "line 1, column 6: unexpected '.'. Expected '('."),
        ("eq(ticket.id, 1) == true", "line 1, column 17: unexpected '=='. Expected '&&', '||'"),
        ("eq(ticket.id, 1) ? true : false", "unexpected '?'"),
        ("eq(ticket.id, 0x10)", "unexpected number. Expected a decimal number."),
        ("eq(ticket.id, 010)", "unexpected number. Expected a decimal number."),
        ("eq(ticket.id, 1_000)", "unexpected number"),
        ("eq(ticket.id, 1n)", "unexpected number"),
        ("eq(ticket.id, 1e999)", "unexpected number. Expected a number below"),
        ("eq(ticket.id, 1 + 1)", "unexpected '+'"),
        ("eq(ticket.id, +1)", "unexpected '+'"),
        ("eq(ticket.id, `x`)", "unexpected '`'"),
        ("eq(ticket.id, /x/)", "unexpected '/'"),
        ("eq(ticket.id, [1,,2])", "unexpected ','"),
        ("eq(ticket.id, [...x])", "unexpected '...'"),
        ("eq(ticket.id, {a: 1})", "unexpected '{'"),
        ("eq(ticket.id, 1, 2)", "unexpected ','. Expected ')'."),
        ("eq(ticket.id, undefined)", "unexpected 'undefined'"),
        ("eq(ticket?.id, 1)", "unexpected '?.'"),
        ("eq(ticket[1.5], 1)", "unexpected number. Expected a whole number."),
        ("eq(ticket[a], 1)", "unexpected 'a'"),
        ("eq(ticket.id, 1);;", "unexpected ';'"),
        ("eq(ticket.id, 1) eq(ticket.id, 1)", "unexpected 'eq'"),
        ("this(ticket.id)", "unexpected 'this'"),
        ("Action('x')", "unexpected 'Action'"),
        ("eq(ticket.id, '\\7')", "unexpected escape in string"),
        ("eq(ticket.id, '\\u12')", "unexpected escape in string"),
        ("eq(ticket.id, '\\u{110000}')", "unexpected escape in string"),
        ("eq(ticket.id, '\\0')", "unexpected escape in string"),
        ("eq(ticket.id, 'a\\x00')", "unexpected NUL in string"),
        ("eq(ticket.id, 'a\0')", "unexpected NUL in string"),
        ("eq(ticket.id, '\\ud800')", "unexpected half of a surrogate pair"),
        ("eq(ticket.id, 1) /* open", "line 1, column 17: unexpected comment without end"),
        ("eq(ticket.id, \0)", "unexpected character U+0000"),
        ("e\u0301q(ticket.id)", "unexpected '\u0301'"),
    ],
)
def test_refused_filters(text, message):
    with pytest.raises(BrokenSyntax) as caught:
        parse.filters(text)
    (said,) = caught.value.messages
    assert said.startswith("Syntax error at line ")
    assert message in said


@pytest.mark.parametrize(
    "text",
    [
        "while (true) {}",
        "for (;;) {}",
        "var a = 1;",
        "let a = 1",
        "a = 1",
        "function f() {}",
        "() => 1",
        "eq(ticket.status, 'open')",
        "new Action('x')",
        "Action(`x`)",
        "Action(x)",
        "Action('x', {[a]: 1})",
        "Action('x', {a})",
        "Action('x', {get a() {}})",
        "Action('x', {...a})",
        "Action('x', 1)",
        "Action('x', {}, {})",
        "Action('x').then()",
        "if (true) else Action('x')",
        "if true Action('x')",
        "else Action('x')",
        "await Action('x')",
        "Action('x'), Action('y')",
        "{ Action('x')",
        "import 'x'",
    ],
)
def test_refused_code(text):
    with pytest.raises(BrokenSyntax):
        parse.code(text)


def test_length_is_counted_in_bytes_on_both_sides_of_the_limit():
    short = "eq(ticket.subject, '')"
    fits = short.replace("''", "'" + "é" * ((16_384 - len(short)) // 2) + "'")
    assert len(fits.encode()) == 16_384
    parse.filters(fits)
    with pytest.raises(OverLimit, match="too long"):
        parse.filters(fits + " ")
    with pytest.raises(OverLimit, match="too long"):
        parse.code("Action('x');" + " " * 65_536)


@pytest.mark.parametrize("opening, closing", [("(", ")"), ("!", "")])
def test_depth_of_expressions(opening, closing):
    text = opening * 50 + "isEmpty(ticket.tags)" + closing * 50
    parse.filters(text)
    with pytest.raises(OverLimit, match="too deep"):
        parse.filters(opening + text + closing)


@pytest.mark.parametrize(
    "before, after",
    [("{", "}"), ("if (true) ", ""), ("if (true) {", "}"), ("if (true) ; else {", "}")],
)
def test_depth_of_statements(before, after):
    text = before * 50 + ";" + after * 50
    parse.code(text)
    with pytest.raises(OverLimit, match="too deep"):
        parse.code(before + text + after)


def test_depth_of_values():
    parse.filters("eq(ticket.id, " + "[" * 50 + "]" * 50 + ")")
    with pytest.raises(OverLimit, match="too deep"):
        parse.filters("eq(ticket.id, " + "[" * 51 + "]" * 51 + ")")
    parse.code("Action('x', " + "{a:" * 49 + "{}" + "}" * 49 + ")")
    with pytest.raises(OverLimit, match="too deep"):
        parse.code("Action('x', " + "{a:" * 50 + "{}" + "}" * 50 + ")")


def ladder(links):
    return "if (true) ;" + " else if (true) ;" * links


def test_counted_limits_on_both_sides():
    condition = "isEmpty(ticket.id)"
    for fits, over in [
        (
            lambda: parse.filters("&&".join([condition] * 500)),
            lambda: parse.filters("&&".join([condition] * 501)),
        ),
        (
            lambda: parse.code(f"if ({'||'.join([condition] * 2_000)}) ;"),
            lambda: parse.code(f"if ({'||'.join([condition] * 2_001)}) ;"),
        ),
        (lambda: parse.code(ladder(200)), lambda: parse.code(ladder(201))),
        (lambda: parse.code("Action('x')\n" * 500), lambda: parse.code("Action('x')\n" * 501)),
        (
            lambda: parse.filters(f"containsAny(ticket.id, [{'1,' * 1_000}])"),
            lambda: parse.filters(f"containsAny(ticket.id, [{'1,' * 1_001}])"),
        ),
        (
            lambda: parse.filters(f"isEmpty(ticket{'.a' * 19})"),
            lambda: parse.filters(f"isEmpty(ticket{'.a' * 20})"),
        ),
        (lambda: parse.code(";" * 19_999), lambda: parse.code(";" * 20_001)),
    ]:
        fits()
        with pytest.raises(OverLimit, match="too complex"):
            over()


def test_a_tree_of_any_depth_becomes_json_text():
    found = parse.code(f"if ({'&&'.join(['isEmpty(ticket.id)'] * 2_000)}) Action('x', {{}})")
    text = tree.encode(found)
    assert text.count('"LogicalExpression"') == 1_999
    small = parse.code("if (eq(ticket.id, -1)) Action('x', {a: [1, null, \"é\"], b: {}}); else ;")
    assert json.loads(tree.encode(small)) == small
    assert sum(1 for _ in tree.walk(small)) == tree.encode(small).count('"type":')


@pytest.mark.parametrize(
    "text",
    [
        "(" * 16_000,
        "!" * 16_000,
        "/*" + "*" * 16_000,
        "'" + "\\'" * 8_000,
        "/*/" * 5_000,
        "[" * 16_000,
        "eq(ticket" + "[0]" * 5_000,
        "eq(ticket.id, " + "[" * 8_000,
        " \n" * 8_000 + "(",
        "//" * 8_000,
        "9" * 16_000,
        "a" * 16_000,
    ],
)
def test_hostile_texts_end_quickly(text):
    began = time.process_time()
    with contextlib.suppress(Refused):
        parse.filters(text)
    assert time.process_time() - began < 1
