"""The calls of runs in which nobody dies, as they were recorded: each of them can be named to be the last.

``tests/functional/promise/test_recorded.py`` holds them against the calls that such runs make.
"""

from __future__ import annotations

# A job that came through the HTTPS door, or, for the door of drops, one that came as a folder.
OF_A_JOB: dict[str, tuple[str, ...]] = {
    "Submit": ("GetItem", "TransactWriteItems", "PutObject", "GetItem", "StartExecution", "GetItem", "UpdateItem"),
    "Drops": (
        *("ListObjectsV2", "PutItem", "GetObject", "GetObject", "GetItem", "GetItem", "GetItem"),
        *("TransactWriteItems", "PutObject", "GetItem", "GetItem", "StartExecution"),
    ),
    "TakeSlot": (
        *("GetItem", "TransactWriteItems", "GetItem", "PutItem", "Query", "TransactWriteItems"),
        *("SendTaskSuccess", "DeleteItem"),
    ),
    "StartTask": (
        *("GetItem", "UpdateItem", "UpdateItem", "SubmitTask", "TransactWriteItems", "PutObject", "GetItem"),
        "UpdateItem",
    ),
    "Status": (*("GetItem", "QueryTask", "UpdateItem", "UpdateItem", "Query", "UpdateItem", "PutObject", "GetItem"),),
    "SaveResult": (
        *("GetItem", "QueryTask", "Download", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
        "UpdateItem",
    ),
    # Without what it reads of the video, piece by piece.
    "Thumbnail": ("GetItem", "GetObject", "PutObject", "UpdateItem"),
    "Finish": ("GetItem", "UpdateItem", "PutObject", "PutObject", "StartExecution"),
    "Reconcile": (
        *("Query", "GetItem", "Query", "Query", "GetItem", "Query", "ListExecutions", "Query", "Query"),
        *("Query", "Query", "Query", "GetQueueAttributes", "ReceiveMessage"),
    ),
    "Wake": ("GetItem", "UpdateItem", "SendTaskSuccess", "UpdateItem"),
}
# The search for the task of a lost reply.
OF_A_RECONCILIATION = ("GetItem", "ListTasks", "ListTasks", "GetItem", "TransactWriteItems", "PutObject", "GetItem")
# A batch of one line: its steps, and the end of the line's job.
OF_A_BATCH: dict[str, tuple[str, ...]] = {
    "read": (
        *("GetItem", "PutItem", "GetObject", "ListObjectsV2", "PutObject", "PutObject", "GetItem"),
        *("TransactWriteItems", "ListObjectsV2", "GetObject", "Query", "GetItem", "GetItem", "PutObject"),
    ),
    "submit_line": (
        *("GetItem", "GetItem", "GetObject", "GetItem", "TransactWriteItems", "GetItem", "TransactWriteItems"),
        *("PutObject", "GetItem", "GetItem", "StartExecution", "GetItem", "PutItem", "GetItem"),
    ),
    "end_line": (
        *("GetItem", "GetItem", "TransactWriteItems", "UpdateItem", "GetObject", "Query", "GetItem", "GetItem"),
        "PutObject",
    ),
    "close": (
        *("GetObject", "Query", "Query", "GetItem", "PutObject", "GetObject", "Query", "GetItem", "GetItem"),
        "PutObject",
    ),
    "Finish": (
        *("GetItem", "UpdateItem", "GetItem", "PutObject", "PutObject", "Query"),
        *("SendTaskSuccess", "DeleteItem", "StartExecution"),
    ),
}
# A CANCEL beside a batch of two lines, of which one waits: its event, and the step.
OF_A_CANCEL: dict[str, tuple[str, ...]] = {
    "Drops": ("ListObjectsV2", "HeadObject", "StartExecution", "StartExecution", "ListObjectsV2"),
    "cancel": (
        *("GetItem", "GetItem", "UpdateItem", "Query", "GetItem", "TransactWriteItems", "GetItem", "GetItem"),
        *("CancelTask", "UpdateItem", "GetItem", "GetItem", "PutObject", "GetItem", "GetItem", "GetItem"),
        *("TransactWriteItems", "GetItem", "GetItem", "UpdateItem", "GetItem", "UpdateItem", "DeleteItem", "GetItem"),
        *("SendTaskSuccess", "DeleteItem", "GetItem", "GetItem", "PutObject", "PutObject", "GetItem", "GetItem"),
        *("Query", "SendTaskSuccess", "DeleteItem", "StartExecution", "UpdateItem", "UpdateItem", "GetItem", "GetItem"),
        *("PutObject", "PutObject", "GetItem", "GetItem", "GetObject", "Query", "GetItem", "GetItem", "PutObject"),
        "GetItem",
    ),
}
# A sweep on the day after, that releases a parked job beside one that runs.
OF_A_RELEASE = (
    *("Query", "GetItem", "GetItem", "GetItem", "Query", "Query", "GetItem", "Query", "ListExecutions", "Query"),
    *("GetItem", "DescribeExecution", "Query", "GetItem", "TransactWriteItems", "GetItem", "GetItem", "PutObject"),
    *("GetItem", "GetItem", "StartExecution"),
    *("Query", "Query", "Query", "GetQueueAttributes", "GetItem", "ReceiveMessage"),
)
# The receipts again, with the thumbnail.
OF_A_RENEWAL = ("GetItem", "PutObject", "PutObject", "GetItem", "UpdateItem")
# The wait for the word that a task has ended, begun with a token.
OF_A_WAIT = ("UpdateItem",)
