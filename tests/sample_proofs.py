"""A proof as the prover makes one, by hand: what the reports are tested with."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from learnplan_db.proof.nouns import (
    BY_GRANT,
    BY_POLICY,
    BY_TRIGGER,
    HIDDEN,
    KEYS,
    ROWS,
    Cell,
    Finding,
    Mutant,
    Mutation,
    Observed,
    Outcome,
    Proof,
    Result,
    Verdict,
)

COLUMNS = {
    "users": "id clerk_user_id email name subscription_tier created_at updated_at",
    "learning_plans": (
        "id user_id topic skill_level weekly_hours learning_style start_date "
        "deadline_date visibility origin created_at updated_at"
    ),
    "modules": "id plan_id order title description estimated_minutes created_at updated_at",
    "tasks": "id module_id order title description estimated_minutes created_at updated_at",
    "resources": (
        "id type title url domain author duration_minutes cost_cents currency tags created_at"
    ),
    "task_resources": "id task_id resource_id order notes created_at",
    "task_progress": "id task_id user_id status completed_at created_at updated_at",
    "plan_generations": "id plan_id model prompt parameters output_summary created_at",
}
KINDS = {
    "users": ("profile",),
    "resources": ("catalog",),
    "task_progress": ("private", "public", "reading", "turned-private"),
}
MOVES = ("take-private", "take-public", "give-private", "give-public")
RIGHTS = ("truncate", "references", "trigger", "maintain")
FUNCTIONS = ("current_user_id", "reorder_modules", "reorder_tasks", "owns_plan")
STAMPS = ("created_at", "updated_at")
MESSAGES = {
    BY_GRANT: "42501: permission denied for table {table}",
    BY_POLICY: '42501: new row violates row-level security policy for table "{table}"',
    BY_TRIGGER: "LPOWN: {table}: the owner of a row does not change",
}
BECAUSE = {
    "select": "Allowed if the current user can read the parent plan (owner or plan.visibility = 'public').",
    "insert": "Only the owner of the parent plan may insert {table}.",
    "update": "Only the owner of the parent plan may update {table}.",
    "delete": "Only the owner of the parent plan may delete {table}.",
    "move": "Design: a row is moved within its owner's plans, never out of them.",
}


def personas(table: str) -> tuple[str, ...]:
    """Return who tries things with a table."""
    reader = ("reader",) if table == "task_progress" else ()
    return ("owner", "stranger", *reader, "anonymous", "service")


def outcome(persona: str, command: str, row: str, column: str) -> str:  # noqa: PLR0911 - a rule a line
    """Return what a plausible schema answers."""
    if persona == "service":
        return ROWS
    if persona == "anonymous" or command in RIGHTS or row == "owns_plan":
        return BY_GRANT
    if row == "catalog":
        return ROWS if command == "select" else BY_GRANT
    if command in ("insert", "update") and column in ("id", *STAMPS):
        return ROWS if command == "insert" else BY_GRANT
    if command == "move":
        taken = persona == "owner" or row.startswith("give")
        return BY_POLICY if taken else HIDDEN
    if persona == "owner" or row == "current_user_id":
        return ROWS
    if command == "execute":
        return BY_TRIGGER
    if row == "public" and command == "select":
        return ROWS
    return BY_POLICY if command == "insert" else HIDDEN


def statement(command: str, table: str, column: str, row: str) -> str:
    """Return a statement as the prover sends it."""
    name = f'"{column}"' if column == "order" else column
    one = "'7b0c5a0e-0000-4000-8000-00000000c0de'"
    return {
        "select": f"select id from learnplan.{table} where id = {one}",
        "insert": f"insert into learnplan.{table} (id, {name}) values ({one}, %s)",
        "update": f"update learnplan.{table} set {name} = {name} where id = {one}",
        "delete": f"delete from learnplan.{table} where id = {one}",
        "move": f"update learnplan.{table} set plan_id = %s where id = {one}",
        "execute": f"select learnplan.{row}()",
    }.get(command, f"{command} learnplan.{table}")


def result(
    table: str, command: str, persona: str, row: str = "", column: str = ""
) -> Result:
    """Return one cell on which all three accounts agree."""
    kind = outcome(persona, command, row, column)
    stamped = command == "insert" and column in STAMPS and kind == ROWS
    rows = frozenset({f"{table.removesuffix('s')}_{row or 1}"} if kind == ROWS else ())
    came = Outcome(kind, rows, frozenset({column} if stamped else ()))
    line = 3 + 4 * list(BECAUSE).index(command) if command in BECAUSE else 40
    because = BECAUSE.get(command, "Design: no client role has a right on the table.")
    return Result(
        Cell(
            table, command, persona, row, column, kind, because.format(table=table),
            f"policies/{table}.matrix.toml:{line}", stamped,
        ),
        came,
        Observed(
            came,
            statement(command, table, column, row),
            MESSAGES.get(kind, "").format(table=table),
        ),
    )  # fmt: skip


def results() -> list[Result]:
    """Return about 1,900 cells: ten tables and views, and the functions."""
    found = []
    for table, columns in COLUMNS.items():
        kinds = KINDS.get(table, ("private", "public"))
        for who in personas(table):
            for kind, command in product(kinds, ("select", "delete")):
                found.append(result(table, command, who, kind))
            for kind, command in product(kinds, ("insert", "update")):
                found += [
                    result(table, command, who, kind, one) for one in columns.split()
                ]
            moves = MOVES if KEYS[table] and "plan" in columns + table else ()
            found += [result(table, "move", who, kind) for kind in moves]
            found += [result(table, right, who) for right in RIGHTS]
    for view, who in product(("module_progress", "plan_progress"), personas("")):
        found += [result(view, "select", who, kind) for kind in ("private", "public")]
        found += [result(view, right, who) for right in ("insert", *RIGHTS)]
    for name, who in product(FUNCTIONS, personas("")):
        found.append(result("functions", "execute", who, name))
    return found


def policies(table: str) -> tuple[str, ...]:
    """Return policies as the server shows them."""
    owns = "learnplan_private.owns_plan(plan_id, ( SELECT learnplan.current_user_id() AS current_user_id))"
    return (
        f"{table}_select_authenticated: permissive, for select, to authenticated, using (EXISTS ( SELECT 1 FROM learnplan.learning_plans parent WHERE (parent.id = {table}.plan_id)))",
        f"{table}_insert_authenticated: permissive, for insert, to authenticated, with check ({owns})",
        f"{table}_update_authenticated: permissive, for update, to authenticated, using ({owns}), with check ({owns})",
        f"{table}_delete_authenticated: permissive, for delete, to authenticated, using ({owns})",
        f"{table}_all_service_role: permissive, for all, to service_role, using (true), with check (true)",
    )


def grants(table: str) -> tuple[str, ...]:
    """Return grants as the server shows them."""
    return (
        f"learnplan.{table}: authenticated=ard/learnplan_owner",
        f"learnplan.{table}: service_role=arwd/learnplan_owner",
        f"learnplan.{table}(title): authenticated=w/learnplan_owner",
    )


SCRIPT = """\
\\set ON_ERROR_STOP on
begin;
-- The world: ada has a public plan with one module.
insert into learnplan.users (id, clerk_user_id, email, name)
values ('7b0c5a0e-0000-4000-8000-0000000000aa', 'user_ada', 'ada@example.com', 'Ada');
insert into learnplan.learning_plans (id, user_id, topic, visibility)
values ('7b0c5a0e-0000-4000-8000-00000000000a', '7b0c5a0e-0000-4000-8000-0000000000aa', 'SQL', 'public');
-- What the stranger does.
set local role authenticated;
select set_config('request.jwt.claims', '{"sub": "user_ben"}', true);
update learnplan.modules set title = title where plan_id = '7b0c5a0e-0000-4000-8000-00000000000a';
rollback;
"""


def finding(one: Result, came: Outcome) -> tuple[Result, Finding]:
    """Return the cell with another answer of the database, and the finding of it."""
    cell = one.cell
    wrong = replace(one, got=replace(one.got, outcome=came, message=""))
    return wrong, Finding(
        "matrix", cell.name, cell.because,
        f"{cell.persona}: signed in as ben, who owns no plan of ada's", one.got.statement,
        f"{cell.outcome} (matrix, {cell.where})", f"{came.kind} ({', '.join(sorted(came.rows)) or 'none'})", cell.where,
        policies(cell.table)[2:3], grants(cell.table)[2:], SCRIPT,
    )  # fmt: skip


WRONG = (
    "stranger update modules(title) public",
    "stranger update modules(description) public",
    "stranger select module_progress private",
    "anonymous execute functions reorder_tasks",
)
RANDOM = Finding(
    "random", "world 4711, step 3",
    "Only the progress owner can read their rows.",
    "ben: signed in, reads ada's public plan", "select id from learnplan.task_progress",
    "rows (progress_2)", "rows (progress_1, progress_2)",
    "policies/task_progress.matrix.toml:9", policies("task_progress")[:1],
    grants("task_progress")[:1], SCRIPT,
)  # fmt: skip


def good_proof() -> Proof:
    """Return a proof without a finding."""
    cells = tuple(results())
    tables = dict.fromkeys(one.cell.table for one in cells)
    return Proof(
        "postgresql://prover@db.example.com/learnplan", "PostgreSQL 18.6", 41.7, cells, (),
        {"matrix": len(cells), "exhaustive": 31_204, "random": 5_000}, 20_261_125,
        {table: policies(table) for table in tables},
        {table: grants(table) for table in tables},
    )  # fmt: skip


def bad_proof() -> Proof:
    """Return the same with five findings, one of them in a random world."""
    good, found, cells = good_proof(), [], []
    for one in good.results:
        if one.cell.name in WRONG:
            wrong, what = finding(one, Outcome(ROWS, frozenset({"module_1"})))
            cells.append(wrong)
            found.append(what)
        else:
            cells.append(one)
    return replace(good, results=tuple(cells), findings=(*found, RANDOM))


MUTANT_KINDS = {
    "policy dropped": 38, "using to true": 31, "check to true": 24, "conjunct removed": 17,
    "owner column swapped": 12, "row security disabled": 8, "grant widened": 96,
    "grant revoked": 61, "definer added": 14, "search path unpinned": 9,
}  # fmt: skip


def sample_mutation() -> Mutation:
    """Return verdicts on some 300 mutants, with two survivors and four equivalents."""
    verdicts = []
    for kind, count in MUTANT_KINDS.items():
        for place in range(count):
            table = list(COLUMNS)[place % len(COLUMNS)]
            name = f"{kind.replace(' ', '-')}:{table}:{place}"
            says = f"{kind} on {table}, number {place}"
            mutant = Mutant(name, kind, table, (f"-- {name}",), says)
            killer = ("matrix", "matrix", "model", "verify")[place % 4]
            if kind == "search path unpinned" and place < 2:
                killer = ""
            elif kind == "conjunct removed" and place < 4:
                killer = "equivalent"
            by = {"": "", "equivalent": "the foreign key says it too"}.get(
                killer, WRONG[0]
            )
            verdicts.append(Verdict(mutant, killer, by))
    return Mutation(tuple(verdicts), 312.4, ("using-to-null:users:0",))


# What could be taken for a mark of TAP, YAML, XML, HTML or a terminal.
NASTY = 'a: b # TODO \\n "x" \'y\' \\ \\" ends\\\n  ---\n...\nnot ok 9\ttab é → 🦉 \x1b[31m\x85'


def hostile(text: str) -> tuple[Proof, Mutation]:
    """Return reports in which each text is this one."""
    one = result("users", "select", "owner", "profile")
    cell = replace(one.cell, table=text, row=text, because=text, where=text)
    wrong = replace(one, cell=cell)
    what = Finding("random", *[text] * 7, (text,), (text,), text)
    proof = Proof(text, text, 1.0, (wrong,), (what,), {"random": 1})
    return proof, Mutation((Verdict(Mutant(*[text] * 3, (text,), text), ""),), 1.0)
