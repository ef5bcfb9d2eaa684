"""Generated source texts of the language, for the parser's tests."""

from hypothesis import strategies as st

names = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$]{0,5}", fullmatch=True)
functions = st.sampled_from(["eq", "neq", "contains", "isEmpty", "x$", "_y"])
space = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n", " // note\n", "/* a\n b */", "\u00a0"])
characters = st.characters(
    blacklist_categories=("Cs",), blacklist_characters="\u2028\u2029\0", max_codepoint=0xFFFF
)


@st.composite
def quoted(draw):
    mark = draw(st.sampled_from("'\""))
    parts = draw(
        st.lists(
            st.one_of(
                characters.map(
                    lambda c: "\\" + c if c in "'\"\\" else {"\n": "\\n", "\r": "\\r"}.get(c, c),
                ),
                st.sampled_from(["\\x41", "\\u0416", "\\u{1f4a1}", "\\n", "\\b", "\\v", "\\\n", "\\/"]),
            ),
            max_size=6,
        )
    )
    return mark + "".join(parts) + mark


numbers = st.one_of(
    st.integers(0, 10**9).map(str),
    st.sampled_from(["0", "0.5", "1.25", "12.50e1", "3E2", "1e-3", ".5", "7."]),
)


@st.composite
def paths(draw):
    steps = draw(
        st.lists(
            st.one_of(
                names.map(lambda n: "." + n),
                st.integers(0, 99).map(lambda n: f"[{n}]"),
                st.just("[-1]"),
                quoted().map(lambda q: f"[{q}]"),
            ),
            max_size=4,
        )
    )
    return draw(st.sampled_from(["ticket", "message", "customer"])) + "".join(steps)


scalars = st.one_of(
    quoted(), numbers, numbers.map(lambda n: "-" + n), st.sampled_from(["true", "false", "null"])
)
values = st.recursive(
    scalars,
    lambda inner: st.tuples(st.lists(inner, max_size=4), st.sampled_from(["", ","])).map(
        lambda pair: "[" + ", ".join(pair[0]) + (pair[1] if pair[0] else "") + "]"
    ),
    max_leaves=6,
)


@st.composite
def conditions(draw):
    value = draw(st.one_of(st.none(), values))
    a, b = draw(space), draw(space)
    return f"{draw(functions)}({a}{draw(paths())}" + (f",{b}{value}" if value is not None else "") + f"{a})"


expressions = st.recursive(
    st.one_of(conditions(), st.sampled_from(["true", "false"])),
    lambda inner: st.one_of(
        st.tuples(inner, space, st.sampled_from(["&&", "||"]), space, inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"!({text})"),
        inner.map(lambda text: f"( {text}\n)"),
    ),
    max_leaves=8,
)


@st.composite
def objects(draw, depth=0):
    pairs = []
    for _ in range(draw(st.integers(0, 3))):
        key = draw(st.one_of(names, quoted()))
        nested = depth < 2 and draw(st.booleans())
        pairs.append(f"{key}: {draw(objects(depth + 1)) if nested else draw(values)}")
    return "{" + ", ".join(pairs) + draw(st.sampled_from(["", ","]) if pairs else st.just("")) + "}"


@st.composite
def actions(draw):
    rest = draw(st.one_of(st.just(""), objects().map(lambda text: ", " + text)))
    return f"Action({draw(quoted())}{rest})" + draw(st.sampled_from([";", "\n", " ;", ";\n"]))


statements = st.recursive(
    st.one_of(actions(), st.just(";")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda body: "{" + "".join(body) + "}"),
        st.tuples(expressions, space, inner).map(lambda t: f"if ({t[0]}){t[1]}{t[2]}"),
        st.tuples(expressions, inner, inner).map(lambda t: f"if ({t[0]}) {{{t[1]}}} else {t[2]}"),
        st.tuples(expressions, inner, expressions, inner, inner).map(
            lambda t: f"if ({t[0]}) {{{t[1]}}} else if ({t[2]}) {{{t[3]}}} else {t[4]}"
        ),
    ),
    max_leaves=6,
)
programs = st.tuples(space, st.lists(statements, min_size=1, max_size=3), space).map(
    lambda t: t[0] + "".join(t[1]) + t[2]
)
