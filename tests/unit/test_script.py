"""
The script reader alone: where statements end, what is filled in, what is refused.

No test here opens a connection; test_script_psql.py compares with psql itself.
"""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from learnplan_db.errors import ScriptError
from learnplan_db.psql import copying
from learnplan_db.psql.draft import CONTROL
from learnplan_db.psql.failure import _excerpt, failure
from learnplan_db.psql.script import Script, Statement, read
from learnplan_db.psql.variables import truth

SOURCE = "sql/deploy/x.sql"

WHOLE = {
    "quote": "select 'a;b''c;'",
    "quote with backslash": r"select 'a\', 1",
    "escape string": r"select E'a\';b''c', e'\\'",
    "escape string after a word": r"select fooE'\', 1",
    "escape string after a number": r"select 1E'\', 1",
    "escape string goes on": "select E'a' -- b\n\n 'c\\';d'",
    "unicode string": r"select U&'\0441;', U&'d!0061t\' uescape '!'",
    "bit string": "select b'1;', x'f;', n'a;'",
    "identifier": 'select 1 as "a;b"";"',
    "unicode identifier": r'select 1 as U&"d\0061;\"',
    "dollar quote": "select $$a;'\"$a$;$$",
    "tagged dollar quote": "select $a$;$$;$b$;$A$;$a$",
    "letters beyond ASCII in a tag": "select $ž$;$z$;$ž$",
    "dollar in a name": "select a$$b, c$x$ from d",
    "dollar parameter": "select $1, $2$$;$$",
    "dollar after a number": "select 1$$;$$",
    "lone dollar": "select $a + $",
    "line comment": "select 1 -- ; ' \" $$ /* (\n + 2",
    "line comment ends at a carriage return": "select 1 -- '\r, '--;'",
    "block comment": "select /* ; ' -- \n */ 1",
    "nested comment": "select /* /* ; */ ; /*/ */ ; **/ 1",
    "comment after an operator": "select 1 +/* ; */ 2 @--;\n 3",
    "parentheses": "create rule r as on insert to t do (select 1; select (2); 3)",
    "brackets and casts": "select a[1:2], b[:], '1'::int, f(x := 1), c[d :e]",
    "procedure body": "create procedure p() begin atomic select 1; select 2; end",
    "function body": (
        "create or replace function f(a int default (1)) returns int language sql\n"
        "BEGIN /* ; */ ATOMIC\n"
        "  select case when true then case a when 1 then 2 end else (1 - 1) end;\n"
        "  select 1 as begin;\n"
        "END"
    ),
    "column named begin": "select begin atomic from t",
    "function named begin": "create function begin() returns int as $$;$$",
    "do": "do $do$ begin perform 1; end $do$",
    "no-break space is a letter": "select 1 as a\u00a0b, a\u00a0$$b",
}


def texts(script: str, **variables: str) -> list[str]:
    """Return the texts of a script's statements."""
    return [one.text for one in read(script.encode(), SOURCE, variables).statements]


def refusal(script: str | bytes, **variables: str) -> ScriptError:
    """Return the error with which a script is refused."""
    data = script.encode() if isinstance(script, str) else script
    with pytest.raises(ScriptError) as caught:
        read(data, SOURCE, variables)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize("statement", WHOLE.values(), ids=WHOLE)
def test_semicolons_inside_a_statement_do_not_end_it(statement: str) -> None:
    """A semicolon ends a statement only outside quotes, comments and bodies."""
    expected = ["select 0;", statement + ";", "select 9"]
    assert expected == texts(f"select 0;\n{statement};select 9")


@pytest.mark.parametrize(
    "script",
    ["", "\n \t\r\n", "-- a\n", "/* a; */", ";;\n;", "/* a */;", "\ufeff", "-- a"],
)
def test_blank_script_has_no_statements(script: str) -> None:
    """A file of blanks, comments and stray semicolons holds no statement."""
    assert texts(script) == []


@pytest.mark.parametrize("end", ["", "\n", " -- c", "\n/* c */\n"])
def test_last_statement_needs_no_semicolon(end: str) -> None:
    """The last statement runs without a semicolon; what follows is left out."""
    assert texts(f"select 1; select 2{end}") == ["select 1;", "select 2"]


def test_byte_order_mark_and_carriage_returns_are_accepted() -> None:
    """A BOM is dropped, a carriage return is blank, and kept inside a quote."""
    script = "\ufeffselect 1;\r\nselect '\r\n';\r\n"
    assert texts(script) == ["select 1;", "select '\r\n';"]


def test_block_comment_before_a_statement_is_sent() -> None:
    """Hints live in the comment before a statement, so it goes with it, as in psql."""
    (statement,) = read(b"-- a\n/*+ b */\nselect 1;", SOURCE).statements
    assert statement.text == "/*+ b */\nselect 1;"
    assert (statement.line, statement.end_line) == (3, 3)


def test_lines_are_those_of_first_and_last_token() -> None:
    """Lines count from 1 and leave out blanks and comments around a statement."""
    script = b"\n-- a\nselect\n 1\n;\n/* b\n*/ select 2; select\n3; do $$\n\n$$\n-- c\n"
    found = [(one.line, one.end_line) for one in read(script, SOURCE).statements]
    assert found == [(3, 5), (7, 7), (7, 8), (8, 10)]


@pytest.mark.parametrize(
    ("script", "verb"),
    [
        ("CREATE OR REPLACE FUNCTION f", "create function"),
        ("create unique index i", "create index"),
        ("create /* a */ temp\ntable t", "create table"),
        ("Insert INTO t", "insert into"),
        ("do $$ $$", "do"),
        ("with a as (select 1) select", "with"),
        ("(select 1)", "select"),
        ("(commit)", ""),
        ("'' end", ""),
        ("beginner", "beginner"),
        ("begin work", "begin"),
        ("begin transaction isolation level serializable", "begin"),
        ("start transaction", "start transaction"),
        ("end transaction", "end"),
        ("commit work and no chain", "commit"),
        ("commit and chain", "commit and chain"),
        ("commit prepared 'a'", "commit prepared"),
        ("rollback transaction to savepoint s", "rollback to"),
        ('rollback to "s"', "rollback to"),
        ("prepare transaction 'a'", "prepare transaction"),
        ("1", ""),
    ],
)
def test_verb_is_the_first_keywords(script: str, verb: str) -> None:
    """The verb is the first keyword, or two, in lower case and without modifiers."""
    (statement,) = read(script.encode(), SOURCE).statements
    assert verb == statement.verb


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("select :x", "select a b"),
        ("select :'x', :\"x\"", "select 'a b', \"a b\""),
        ("select :{?x}, :{?y}", "select TRUE, FALSE"),
        ("select :y, :'y', :\"y\"", "select :y, :'y', :\"y\""),
        ("select ':x', \":x\", $$:x$$, $x$ :x $x$", None),
        ("select 1 -- :x\n/* :x */ + 1", None),
        ("select a::x, b:=x, c[1:2], :X, : x, :'x y', :{?x }", None),
        ("select a:::x", "select a::a b"),
        ("select :q", "select ';'';'"),
        ("select :'q'", "select ''';'''';'''"),
        ("select :'i', :\"i\"", 'select \'"\', """"'),
        (r"select :'w'", r"select  E'\\'';\\\\'"),
        (r"select :w2", r"select E'\';'"),
        ("select :loop", "select :loop + ':loop + :''loop'''"),
        ("select :outer", "select a b, 2"),
        ("select :1", "select one"),
    ],
)
def test_variables_are_filled_in_as_psql_does(
    script: str, expected: str | None
) -> None:
    """Known names are replaced outside quotes and comments; others stay (psql)."""
    found = texts(
        script,
        x="a b",
        q="';'';'",
        i='"',
        w="\\';\\\\",
        w2=r"E'\';'",
        loop=":loop + :'loop'",
        outer=":x, 2",
        **{"1": "one"},
    )
    assert [expected or script] == found


def test_plain_variable_may_hold_statements() -> None:
    """The value of :x is script text: a semicolon in it ends a statement (psql)."""
    found = texts("select :x from t; :y", x="1; select '2;'", y="begin")
    assert found == ["select 1;", "select '2;' from t;", "begin"]


@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_quoted_variable_stays_inside_its_quotes(value: str) -> None:
    """No value of :'x' or :"x" can end its quote: it is read back as it was."""
    literal, after, name, last = texts("select 1, :'x'; 2; :\"x\"; 3", x=value)
    literal = literal.removeprefix("select 1, ").removesuffix(";")
    plain = literal.removeprefix(" E")
    body = plain[1:-1].replace("''", "'")
    assert value == (body if plain == literal else body.replace("\\\\", "\\"))
    assert ("\\" in value) == (plain != literal)
    assert value == name[1:-2].replace('""', '"')
    assert (after, last) == ("2;", "3")


@pytest.mark.parametrize("value", ["it's", "/* a", "$$", 'a "', "\ud800", "a\0"])
def test_variable_that_spoils_the_script_is_refused(value: str) -> None:
    """A value may not open a quote or comment that the script would close."""
    error = refusal("select 1;\nselect :x, '*/';", x=value)
    assert error.where == f"{SOURCE}:2"
    assert error.message == 'the value of variable "x" cannot stand here'


@pytest.mark.parametrize(
    ("script", "line", "command"),
    [
        ("select 1;\nselect 2 \\gexec", 2, "\\gexec"),
        ("select (\n\\! ls\n)", 2, "\\!"),
        ("\\!ls", 1, "\\!ls"),
        ("select 1;\n\\", 2, "\\"),
        ("select 1 \\\\ select 2", 1, "\\"),
        ("\n\\ir+x", 2, "\\ir+x"),
        ("select 1 \\crosstabview", 1, "\\crosstabview"),
        ("\\d", 1, "\\d"),
        ("\\dt+ a", 1, "\\dt+"),
        ("\n\nselect $1 \\bind 1 \\g", 3, "\\bind"),
        ("select 1 \\watch 1", 1, "\\watch"),
        ("\\lo_import a", 1, "\\lo_import"),
        ("\\password", 1, "\\password"),
        ("\\prompt a", 1, "\\prompt"),
        ("\\cd /", 1, "\\cd"),
        ("\\setenv A b", 1, "\\setenv"),
        ("\\getenv A b", 1, "\\getenv"),
        ("\\set", 1, "\\set"),
        ("\\if false\n\\gexec\n\\endif", 2, "\\gexec"),
        ("copy t from stdin;\na\n\\.\n\\.\n", 4, "\\."),
        ("\\copy t from pstdin", 1, "\\copy from pstdin"),
        ("\\set AUTOCOMMIT off", 1, "\\set AUTOCOMMIT off"),
        ("\n\\set SINGLELINE", 2, "\\set SINGLELINE "),
        ("\\set SINGLESTEP yes", 1, "\\set SINGLESTEP yes"),
        ("\\set ON_ERROR_ROLLBACK on", 1, "\\set ON_ERROR_ROLLBACK on"),
    ],
)
def test_psql_only_commands_are_refused(script: str, line: int, command: str) -> None:
    """What only psql can do is refused with its line, whether it would run or not."""
    error = refusal(script)
    assert f"{SOURCE}:{line}" == error.where
    assert f'"{command}" is not known to the built-in reader' == error.message
    assert 'use "--client psql"' == error.fix


@pytest.mark.parametrize(
    ("script", "command", "reason"),
    [
        ("\n\\c other", "\\c", "the script would go on in another session"),
        ("\n\\connect", "\\connect", "the script would go on in another session"),
        ("\n\\o a.txt", "\\o a.txt", "output would go elsewhere"),
        ("\nselect 1 \\g |cat", "\\g |cat", "output would go elsewhere"),
        ("\n\\encoding latin1", "\\encoding", "scripts are read as UTF-8"),
    ],
)
def test_refusal_has_a_reason(script: str, command: str, reason: str) -> None:
    """Where it is not plain why a command is refused, the error says it."""
    error = refusal(script)
    known = f'"{command}" is not known to the built-in reader: {reason}'
    assert (known, f"{SOURCE}:2") == (error.message, error.where)


@pytest.mark.parametrize(
    ("script", "line", "message"),
    [
        ("select 1;\n\\endif", 2, '"\\endif" has no matching "\\if"'),
        ("\\else", 1, '"\\else" has no matching "\\if"'),
        ("\\if 1\n\\if 0\n\\endif\n", 3, "the \\if opened here is not closed"),
        ("\n\\echo 'a", 2, "the quote opened here is not closed"),
        ("\n\\set a `b", 2, "the quote opened here is not closed"),
        ("\\copy t frm a", 1, '"\\copy" is not understood at "end of line"'),
        ("\\copy t from", 1, '"\\copy" is not understood at "end of line"'),
        ("\\copy t to program x", 1, '"\\copy" is not understood at "program"'),
    ],
)
def test_command_that_psql_would_not_take_is_refused(
    script: str, line: int, message: str
) -> None:
    """What would fail in psql half way is refused before anything runs."""
    error = refusal(script)
    assert (f"{SOURCE}:{line}", message) == (error.where, error.message)


@pytest.mark.parametrize(
    ("script", "static"),
    [
        ("select 1", True),
        ("select :x, :'x', :{?x}, :nosuch", True),
        ("select 1 \\; select 2;", True),
        ("select :'DBNAME'", False),
        ("select :ROW_COUNT", False),
        ("\\set a b", False),
        ("\\echo a", False),
        ("\\x", False),
        ("\\set ON_ERROR_STOP 0\nselect 1;", False),
        ("copy t from stdin;\n\\.\n", False),
        ("copy t to stdout", False),
        ("copy t from '/a'", True),
    ],
)
def test_script_without_commands_is_static(script: str, *, static: bool) -> None:
    """Only a script in which psql has nothing to do while it runs is static."""
    assert static == read(script.encode(), SOURCE, {"x": "1"}).static


@pytest.mark.parametrize(
    ("script", "wrapped", "trial"),
    [
        ("begin; select 1; commit", True, False),
        ("begin; select 1; rollback", False, True),
        ("\\set a 1\nbegin;\n\\if :a\nselect 1;\n\\endif\ncommit;", True, False),
        ("begin;\ncopy t from stdin;\na'b\n\\.\ncommit;", True, False),
        ("begin; \\i nosuch.sql\ncommit;", False, False),
        ("begin; select 1 \\; commit \\; begin; commit", False, False),
        ("begin read only; select 1; commit", False, False),
        ("begin; set transaction read only; commit", False, False),
        ("begin; comment on table t is 'read only'; commit", True, False),
    ],
)
def test_script_that_can_carry_rows_is_wrapped(
    script: str, *, wrapped: bool, trial: bool
) -> None:
    """A transaction that is the whole script, and may write, is told from others."""
    found = read(script.encode(), SOURCE)
    assert (wrapped, trial) == (found.wrapped, found.trial)


def test_meta_command_in_a_variable_is_refused() -> None:
    """A command in the value of a variable, which psql would run, is refused too."""
    assert "\\i" in refusal("\n:x", x="\\i a").message


@pytest.mark.parametrize(
    "script",
    [
        "select '\\i', $$\\i$$, \"\\\" -- \\i\n/* \\i */",
        "copy t from '/a'",
        "copy (select a from stdin) to '/a'",
        "copy \"from\" (stdin) from '/stdin'",
        "select a from stdin",
        "copy t from '/a' stdin",
        "copy t to program 'cat'",
    ],
)
def test_what_looks_like_a_psql_command_is_not_refused(script: str) -> None:
    """Only backslashes outside quotes, and copy with the client, are refused."""
    assert len(texts(script)) == 1


@pytest.mark.parametrize(
    ("script", "line", "what"),
    [
        ("select 1;\nselect 'a\n;", 2, "quote"),
        ("select 'a''b\n''c", 1, "quote"),
        ("\nselect E'a\\';", 2, "quote"),
        ("select E'a'\n'b;", 2, "quote"),
        ('select "a', 1, "quoted identifier"),
        ("\n\nselect /* /* */ ;", 3, "comment"),
        ("\n/*/", 2, "comment"),
        ("do\n$a$ $b$ $$;", 2, "dollar quote"),
        ("select (\n(1);\nselect 2;", 1, "parenthesis"),
        ("create function f()\nbegin atomic select 1;", 2, "begin atomic"),
        ("create function f()\nbegin atomic\nselect case;end;", 2, "begin atomic"),
    ],
)
def test_unterminated_script_is_refused(script: str, line: int, what: str) -> None:
    """What the file leaves open is refused with the line where it was opened."""
    error = refusal(script)
    assert error.where == f"{SOURCE}:{line}"
    assert error.message == f"the {what} opened here is not closed"


@pytest.mark.parametrize(
    "data", [b"select 1;\n\n'\xe9'", b"\n\n\xed\xa0\x80", b"\xef\xbb\xbf\n\n \0"]
)
def test_what_is_not_utf8_is_refused(data: bytes) -> None:
    """Bytes that are not UTF-8, and NUL, are refused with their line."""
    error = refusal(data)
    assert error.message == "the script is not UTF-8"
    assert error.where == f"{SOURCE}:3"


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ("begin; select 1; commit;", 1),
        ("-- a\nBEGIN TRANSACTION;\ncreate table t ();\nselect 1;\nEND", 2),
        ("start transaction; commit work", 0),
        ("begin; savepoint a; rollback to a; release a; commit", 3),
        ("begin; rollback work to savepoint a; commit and no chain", 1),
        ("begin; prepare a as select 1; deallocate a; commit", 2),
        ("begin; create function f() begin atomic select 1; end; commit", 1),
    ],
)
def test_script_in_one_transaction_is_wrapped(script: str, body: int) -> None:
    """One begin first, one commit last and none between make a script wrapped."""
    found = read(script.encode(), SOURCE)
    assert found.wrapped
    assert found.statements[1:-1] == found.body
    assert body == len(found.body)


@pytest.mark.parametrize(
    "script",
    [
        "",
        "begin",
        "commit",
        "select 1",
        "commit; begin",
        "select 1; begin; commit",
        "begin; commit; select 1",
        "begin; select 1; rollback",
        "begin; select 1; commit and chain",
        "begin; commit prepared 'a'",
        "begin; begin; commit",
        "begin; commit; begin; commit",
        "begin; end; start transaction; end",
        "begin; rollback; commit",
        "begin; abort; commit",
        "begin; rollback and chain; commit",
        "begin; prepare transaction 'a'; commit",
        "begin; rollback prepared 'a'; commit",
        "begin transaction; start transaction; commit",
        "do $$begin; commit$$",
    ],
)
def test_other_scripts_are_not_wrapped(script: str) -> None:
    """Any other transaction control leaves the script as it is."""
    found = read(script.encode(), SOURCE)
    assert not found.wrapped
    assert found.statements == found.body


FRAGMENTS = st.sampled_from([*WHOLE.values(), "begin", "select 1", "x -- ;\n", "é"])


@given(st.lists(FRAGMENTS), st.sampled_from([";", ";\n", " ; -- ;'\n", "\n;/*'*/"]))
@settings(deadline=None)
def test_statements_in_are_statements_out(parts: list[str], end: str) -> None:
    """However statements are joined, as many come out, each on its own line."""
    script = "".join(part + end for part in parts)
    found = read(script.encode(), SOURCE).statements
    assert len(parts) == len(found)
    for part, one in zip(parts, found, strict=True):
        assert part in one.text
        first = one.text.partition("\n")[0]
        assert first in script.split("\n")[one.line - 1]
        last = one.text.rpartition("\n")[2]
        assert last in script.split("\n")[one.end_line - 1]


TEXTS = ["'", '"', "$$", "$a$", "/*", "*/", "--", "\n", "(", ")", ";", "\\", ":x"]
TEXTS += [":'x'", ":{?x}", ":", "E", "create function ", "begin atomic ", "case "]
TEXTS += ["end ", "copy ", " ", "from stdin", "é", "1", "\r"]
NOISE = st.one_of(st.lists(st.sampled_from(TEXTS)).map("".join), st.text())


def attempt(data: bytes, value: str) -> Script | ScriptError:
    """Return the script, or the error with which it is refused."""
    try:
        return read(data, SOURCE, {"x": value})
    except ScriptError as error:
        return error


@given(NOISE, NOISE)
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(script: str, value: str) -> None:
    """Whatever the text, the reader ends, and raises nothing but ScriptError."""
    found = attempt(script.encode("utf-8", "surrogatepass"), value)
    if isinstance(found, ScriptError):
        assert found.exit_code == 2
        assert f"  at   {SOURCE}:" in str(found)
        return
    for one in found.statements:
        assert one.line <= one.end_line
        assert one.text.strip(" \t\r\n\f\v")
        places = [one.locate(offset) for offset in range(len(one.text) + 1)]
        assert sorted(places) == places
        assert max(places) <= len(one.origin)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever the bytes, the reader raises nothing but ScriptError."""
    assert isinstance(attempt(data, ""), Script | ScriptError)


def test_text_without_variables_stands_in_its_lines() -> None:
    """Each character of a statement has its place in the lines of the file."""
    script = b"select 1; select :x + :'y'\n + :{?x} + 2"
    (_, one) = read(script, SOURCE, {"x": "33"}).statements
    assert one.text == "select 33 + :'y'\n + TRUE + 2"
    assert one.origin == script.decode()
    at = [one.origin[one.locate(one.text.index(word)) :][:1] for word in "s3+:TU2"]
    assert at == ["s", ":", "+", ":", ":", ":", "2"]


def test_only_a_part_of_a_long_line_is_shown() -> None:
    """A line of a megabyte is not poured out: the error shows what is near it."""
    (statement,) = read(b"select '" + b"x" * 1_000_000 + b"', y", SOURCE).statements
    line, shown = _excerpt(statement, len(statement.text) - 1, caret=True)
    text, caret = shown.split("\n")
    assert line == 1
    assert text == "      1 | " + "x" * 57 + "', y"
    assert caret == "        | " + " " * 60 + "^"


def test_lost_connection_is_a_script_error_without_connection_strings() -> None:
    """A broken connection becomes an error with an address and a way on."""
    told = "consuming input failed: server closed\nhost=h password=secret"
    error = psycopg.OperationalError(told)
    statement = Statement("select 1", 4, 4, "select")
    found = failure(error, statement, SOURCE)
    assert found.exit_code == 2
    assert "secret" not in str(found)
    assert str(found).splitlines() == [
        "the connection to the server is lost",
        f"  at   {SOURCE}:4",
        "      4 | select 1",
        "  DETAIL  consuming input failed: server closed",
        "  fix  see what became of the server, then run the command again",
    ]


@given(st.one_of(NOISE, st.lists(FRAGMENTS).map("; ".join)))
@example(")end ")
@example("''end ")
@example("(begin;)")
@settings(max_examples=500, deadline=None)
def test_plain_script_is_split_as_the_lexer_reads_it(script: str) -> None:
    """What the fast way finds in a plain script is what the careful way finds."""
    found = attempt(script.encode("utf-8", "surrogatepass"), "")
    if isinstance(found, ScriptError) or found.spans is None:
        return
    careful = [one.text for one in found.statements]
    assert len(careful) == len(found.spans)
    for fast, text in zip(found.texts, careful, strict=True):
        assert fast.startswith(text)
        assert not texts(fast.removeprefix(text))
    for verb, one in zip(found.verbs, found.statements, strict=True):
        assert verb.partition(" ")[0] in {"", one.verb.partition(" ")[0]}
        assert bool(CONTROL.fullmatch(one.verb)) == bool(CONTROL.fullmatch(verb))


@pytest.mark.parametrize("statement", WHOLE.values(), ids=WHOLE)
def test_most_scripts_are_plain(statement: str) -> None:
    """Only what may be a body in SQL, or a variable, needs the lexer."""
    found = read(f"begin;\n{statement};\ncommit;\n".encode(), SOURCE)
    careful = "atomic" in statement.lower() or "[d :e]" in statement
    assert careful == (found.spans is None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((word, True) for word in ("t", "TRUE", "tru", "y", "yes", "on", "1")),
        *((word, False) for word in ("f", "False", "n", "no", "of", "off", "0")),
        *((word, None) for word in ("", "o", "2", "true ", "yess", "01", "nope")),
    ],
)
def test_truth_is_psqls(value: str, *, expected: bool | None) -> None:
    """Any beginning of true, false, yes and no will do; of on and off, two letters."""
    assert expected is truth(value)


@pytest.mark.parametrize(
    ("text", "query", "kind", "name"),
    [
        ("t from 'a b.csv' csv", "COPY t FROM STDIN csv", "file", "a b.csv"),
        ("t from a.csv;", "COPY t FROM STDIN", "file", "a.csv"),
        ("t (a, \"from\") to 'it''s'", 'COPY t (a, "from") TO STDOUT', "file", "it's"),
        (
            "(select a from (select 1) s) to stdout with (format csv)",
            "COPY (select a from (select 1) s) TO STDOUT with (format csv)",
            "stdout",
            "stdout",
        ),
        ("s.t FROM PROGRAM 'cat x'", "COPY s.t FROM STDIN", "program", "cat x"),
        ("t from STDIN", "COPY t FROM STDIN", "stdin", "STDIN"),
        ("t to pstdout", "COPY t TO STDOUT", "pstdout", "pstdout"),
    ],
)
def test_client_copy_is_taken_apart(
    text: str, query: str, kind: str, name: str
) -> None:
    """What is copied, which way and how goes to the server; the rest is ours."""
    found = copying.parse(text, "x")
    assert (query, kind, name) == (found.query, found.kind, found.name)
