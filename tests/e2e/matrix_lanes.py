"""The cells of the fault matrix in a stack with two accounts: what could make a task in each of them."""

from __future__ import annotations

from tests.e2e.matrix import CLIENTS, FAULTS, LOST, TAKE_SLOT, Cell
from tests.testbed.aws.kill_points import points_of

START_TASK = "StartTaskFunction"
# DashScope refuses one submit, and the account with it: its lane closes, and the job moves to the other one.
CLOSES = {"on": "submit", "kind": "error", "code": "Arrearage"}
# As recorded, with two accounts. The key is read by the first run of a process only.
TAKE_SLOT_CALLS = (
    *("GetItem", "TransactWriteItems", "GetItem", "Query", "Query", "TransactWriteItems"),
    *("SendTaskSuccess", "DeleteItem", "Query", "Query"),
)
START_CALLS = (
    *("GetItem", "Query", "UpdateItem", "UpdateItem", "SubmitTask", "TransactWriteItems", "GetItem", "PutObject"),
    *("GetItem", "GetItem", "GetItem", "UpdateItem"),
)
CLOSING_CALLS = (
    *("GetItem", "Query", "UpdateItem", "UpdateItem", "SubmitTask", "UpdateItem", "UpdateItem", "Query", "UpdateItem"),
    *("GetItem", "Query", "TransactWriteItems", "GetItem"),
)
RECORDED = {TAKE_SLOT: {TAKE_SLOT_CALLS}, START_TASK: {START_CALLS, CLOSING_CALLS}}


def cells() -> list[Cell]:
    """Return every lost reply, alone and before a closing lane, and every kill of the steps that choose a lane."""
    submits = [fault for fault in FAULTS if fault["on"] == "submit"]
    return [
        *[Cell(f"lanes, {fault['kind']}, {by}", by, faults=(fault,)) for fault in submits for by in CLIENTS[1:3]],
        *[Cell(f"lanes, {START_TASK} {kill}", "s3", kills=((START_TASK, kill),)) for kill in points_of(START_CALLS)],
        *[
            Cell(f"lanes, closing, {START_TASK} {kill}", "s3", faults=(CLOSES,), kills=((START_TASK, kill),))
            for kill in points_of(CLOSING_CALLS)
        ],
        Cell("lanes, closing, then a lost reply", "s3", faults=(CLOSES, LOST)),
    ]


def kills_of_take_slot() -> list[Cell]:
    """Give every kill of the function that takes a slot, to be run one by one: others would give a job its slot."""
    return [Cell(f"lanes, {TAKE_SLOT} {kill}", "s3", kills=((TAKE_SLOT, kill),)) for kill in points_of(TAKE_SLOT_CALLS)]


def counted() -> list[Cell]:
    """Give cells in which nobody dies, and calls are noted."""
    return [
        Cell("lanes, calls", "s3", kills=((TAKE_SLOT, None), (START_TASK, None))),
        Cell("lanes, calls of a closing lane", "s3", faults=(CLOSES,), kills=((START_TASK, None),)),
    ]
