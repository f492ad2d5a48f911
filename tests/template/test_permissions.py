"""The permissions of the stack's roles, as read from the translated template."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from . import stack

ROLES = {name: role["Properties"] for name, role in stack.of_type("AWS::IAM::Role").items()}
POLICIES = {name: policy["Properties"] for name, policy in stack.of_type("AWS::IAM::ManagedPolicy").items()}
FUNCTION_ROLES = {function["Role"]["Fn::GetAtt"][0] for function in stack.functions().values()}
# Actions that change no object; any other action may.
READS = ("s3:Get*", "s3:List*", "s3:Head*")
# Requests that always contain their partition keys: ForAllValues accepts a request without any.
TABLE_READS = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
TABLE_WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
# AWS's maximum of managed policies per role.
POLICIES_AT_MOST = 10
# Log delivery and tracing do not support resources: AWS requires "*" there.
NO_RESOURCES = ("logs:*", "xray:*")
# Neither do these: a statement that names a state machine may grant nothing, and the task token is a secret.
BY_TASK_TOKEN = {"states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"}


def listed(value: str | list[str]) -> list[str]:
    """Return one or several values as a list."""
    return value if isinstance(value, list) else [value]


def statements(role: str) -> list[dict[str, Any]]:
    """Return the statements of a role's own policies, inline and managed, references resolved."""
    inline = [policy["PolicyDocument"] for policy in ROLES[role].get("Policies", [])]
    documents = inline + [POLICIES[name]["PolicyDocument"] for name in shared_policies(role)]
    return [stack.resolve(statement) for document in documents for statement in listed(document["Statement"])]


def shared_policies(role: str) -> list[str]:
    """Return the template's managed policies that a role has."""
    attached = ROLES[role].get("ManagedPolicyArns", [])
    return [arn["Ref"] for arn in attached if isinstance(arn, dict) and arn.get("Ref") in POLICIES]


def may_write(role: str, start: str) -> list[str]:
    """Return the actions by which a role may write an item whose partition key has this prefix."""
    return [
        action
        for statement in statements(role)
        if names_table(statement) and any(may_start(pattern, start) for pattern in leading_keys(statement))
        for action in listed(statement["Action"])
        if action not in TABLE_READS
    ]


def names_table(statement: dict[str, Any]) -> bool:
    """Return whether a statement refers to the table or an index of it."""
    on_table = any(resource.startswith(stack.arn("JobTable")) for resource in listed(statement["Resource"]))
    return on_table or any(action.startswith("dynamodb:") for action in listed(statement["Action"]))


def leading_keys(statement: dict[str, Any]) -> list[str]:
    """Return the patterns of the partition keys that a statement refers to; without a condition, of all."""
    condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    return listed(condition.get("dynamodb:LeadingKeys", "*"))


def may_start(pattern: str, start: str) -> bool:
    """Return whether a pattern of IAM matches any text with this prefix."""
    for position, letter in enumerate(start):
        if pattern[position : position + 1] == "*":
            return True
        if pattern[position : position + 1] not in (letter, "?"):
            return False
    return True


def may_change(role: str, object_arn: str) -> list[str]:
    """Return the actions by which a role may change an object."""
    return [
        action
        for statement in statements(role)
        if statement["Effect"] == "Allow"
        and any(fnmatchcase(object_arn, pattern) for pattern in listed(statement["Resource"]))
        for action in listed(statement["Action"])
        if action == "*" or (action.startswith("s3:") and not any(fnmatchcase(action, read) for read in READS))
    ]


@pytest.mark.parametrize("role", ROLES)
def test_no_function_can_trigger_itself(role: str) -> None:
    """No role may write, tag or delete under drop/ of the inbox: no action of a function starts a job."""
    inbox = stack.arn("InboxBucket")
    for key in ("drop/cat.jpg", "drop/spring-ad/prompt.txt", "drop/"):
        assert [] == may_change(role, f"{inbox}/{key}")


def test_only_drops_send_events() -> None:
    """One bucket notifies one queue, for one prefix; results and uploads of the HTTPS door notify nothing."""
    buckets = {name: bucket["Properties"] for name, bucket in stack.of_type("AWS::S3::Bucket").items()}
    assert ["InboxBucket"] == [name for name, bucket in buckets.items() if "NotificationConfiguration" in bucket]
    configuration = buckets["InboxBucket"]["NotificationConfiguration"]
    assert {"QueueConfigurations"} == configuration.keys()
    (rule,) = configuration["QueueConfigurations"]
    assert [{"Name": "prefix", "Value": "drop/"}] == rule["Filter"]["S3Key"]["Rules"]
    assert ("s3:ObjectCreated:*", stack.arn("DropQueue")) == (rule["Event"], stack.resolve(rule["Queue"]))


def test_no_event_rule_listens_to_the_buckets() -> None:
    """Objects start nothing in another way either."""
    patterns = [rule["Properties"].get("EventPattern", {}) for rule in stack.of_type("AWS::Events::Rule").values()]
    assert [] == [pattern for pattern in patterns if "aws.s3" in pattern.get("source", [])]


@pytest.mark.parametrize("role", ROLES)
def test_every_writable_path_triggers_nothing(role: str) -> None:
    """Each role may write only under uploads/ of the inbox, or to the results."""
    quiet = (f"{stack.arn('InboxBucket')}/uploads/", f"{stack.arn('ResultsBucket')}/")
    changed = [
        resource
        for statement in statements(role)
        for action in listed(statement["Action"])
        if action.startswith("s3:") and not any(fnmatchcase(action, read) for read in READS)
        for resource in listed(statement["Resource"])
    ]
    assert [] == [resource for resource in changed if not resource.startswith(quiet)]


def test_only_the_inbox_and_the_door_may_send_to_the_queue() -> None:
    """The submit function sends checks of folders to itself."""
    senders = [
        role for role in ROLES for statement in statements(role) if "sqs:SendMessage" in listed(statement["Action"])
    ]
    assert ["SubmitFunctionRole"] == senders


def test_the_rule_about_triggers_can_fail() -> None:
    """It finds writes where they are allowed, in the uploads of the HTTPS door."""
    inbox = stack.arn("InboxBucket")
    expected = ["s3:PutObject", "s3:DeleteObjectVersion"]
    assert expected == may_change("SubmitFunctionRole", f"{inbox}/uploads/a/1.jpg")


@pytest.mark.parametrize("role", ROLES)
def test_statements_are_explicit(role: str) -> None:
    """Every statement has a name and lists its actions one by one, and none uses Not..."""
    for statement in statements(role):
        assert (
            {"Sid", "Effect", "Action", "Resource"}
            <= set(statement)
            <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        )
        assert [] == [action for action in listed(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("role", ROLES)
def test_statements_name_resources(role: str) -> None:
    """Only actions without support for resources use "*"; buckets are named by prefix or completely."""
    for statement in statements(role):
        actions = set(listed(statement["Action"])) - BY_TASK_TOKEN
        if not all(any(fnmatchcase(action, free) for free in NO_RESOURCES) for action in actions):
            assert [] == [resource for resource in listed(statement["Resource"]) if resource.startswith("*")]


@pytest.mark.parametrize("role", ROLES)
def test_answers_to_task_tokens_name_no_resource(role: str) -> None:
    """As the Service Authorization Reference has it; in statements of their own, so that "*" covers nothing else."""
    for statement in statements(role):
        actions = set(listed(statement["Action"]))
        if actions & BY_TASK_TOKEN:
            assert (True, "*") == (actions <= BY_TASK_TOKEN, statement["Resource"])


@pytest.mark.parametrize("role", sorted(FUNCTION_ROLES))
def test_aws_managed_policies_are_limited(role: str) -> None:
    """A function has those for its log and its trace, and the one for its queue if it has one."""
    arns = stack.resolve(ROLES[role]["ManagedPolicyArns"])
    names = {arn.rsplit("/", 1)[1] for arn in arns if arn.startswith("arn:aws:iam::aws:policy/")}
    consumers = {
        stack.functions()[source["Properties"]["FunctionName"]["Ref"]]["Role"]["Fn::GetAtt"][0]
        for source in stack.of_type("AWS::Lambda::EventSourceMapping").values()
    }
    expected = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
    assert expected | ({"AWSLambdaSQSQueueExecutionRole"} if role in consumers else set()) == names


@pytest.mark.parametrize("role", ROLES)
def test_table_permissions_are_limited_to_partitions(role: str) -> None:
    """Every statement on the table or its index names its partition keys, for requests that always contain one."""
    found = [statement for statement in statements(role) if names_table(statement)]
    assert [] == [statement["Sid"] for statement in found if "*" in leading_keys(statement)]
    actions = {action for statement in found for action in listed(statement["Action"])}
    assert set() == actions - TABLE_READS - TABLE_WRITES


def test_only_the_authorizer_writes_keys() -> None:
    """No other role may write an item under KEY#, whatever its patterns look like, nor the list of keys."""
    writers = {(role, action) for role in ROLES for action in may_write(role, "KEY#")}
    assert {("AuthorizeFunctionRole", "dynamodb:UpdateItem")} == writers
    assert [] == [role for role in ROLES if may_write(role, "KEYS")]


@pytest.mark.parametrize("role", [role for role in ROLES if may_write(role, "SLOTS")])
def test_who_grants_or_moves_slots_reserves_for_their_accounts(role: str) -> None:
    """Both are one write."""
    assert "dynamodb:UpdateItem" in may_write(role, "BUDGET#ACCOUNT#")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("KEY#*", True),
        ("KEY#1", True),
        ("*", True),
        ("K*", True),
        ("?EY#*", True),
        ("KEY*", True),
        ("KEY", False),
        ("KEYS", False),
        ("?", False),
        ("JOB#*", False),
        ("key#*", False),
    ],
)
def test_patterns_are_evaluated_correctly(pattern: str, *, expected: bool) -> None:
    """The rule above recognises wildcards, and keys that only look similar."""
    assert expected == may_start(pattern, "KEY#")


@pytest.mark.parametrize("role", ROLES)
def test_roles_stay_below_the_limit_of_policies(role: str) -> None:
    """A role has no more managed policies than AWS's default quota."""
    assert POLICIES_AT_MOST >= len(ROLES[role].get("ManagedPolicyArns", []))


@pytest.mark.parametrize("policy", POLICIES)
def test_managed_policies_are_shared(policy: str) -> None:
    """A managed policy is for permissions that several roles have; those of a single role are inline."""
    assert 1 < len([role for role in ROLES if policy in shared_policies(role)])


def test_roles_are_not_shared() -> None:
    """Each function has its own role, so that each has only what it needs."""
    assert len(stack.functions()) == len(FUNCTION_ROLES)
