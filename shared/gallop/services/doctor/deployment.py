"""What the checks look at: a deployed stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gallop.adapters.operator_calls import ask
from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from collections.abc import Mapping

# A stack's output that each version has.
OUTPUTS = ("ApiUrl", "InboxBucketName", "ResultsBucketName", "JobTableName", "WorkflowArn", "WebhookWorkflowArn")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack, with its resources by the names that the template gives them."""

    name: str
    status: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    types: Mapping[str, str]

    def resource(self, name: str) -> str:
        """Return the physical ID of a resource.

        Raises:
            AwsTrouble: The stack has none of this name.

        """
        if name not in self.resources:
            raise AwsTrouble(f"The stack has no {name}.")
        return self.resources[name]

    def of_type(self, kind: str) -> dict[str, str]:
        """Return the resources of a type."""
        return {name: self.resources[name] for name, found in self.types.items() if found == kind}

    def configuration(self, function: str) -> dict[str, Any]:
        """Return the configuration of a function."""
        return ask("lambda", "get_function_configuration", FunctionName=self.resource(function))

    def variables(self, function: str) -> dict[str, str]:
        """Return the environment variables of a function."""
        found = self.configuration(function).get("Environment", {}).get("Variables", {})
        return {name: str(value) for name, value in found.items()}

    def run(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """Invoke a function and return its result.

        Raises:
            AwsTrouble: It failed; the message is its own.

        """
        answer = ask("lambda", "invoke", FunctionName=self.resource(function), Payload=json.dumps(event).encode())
        found = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise AwsTrouble(f"{function} failed: {found.get('errorMessage', found)}")
        return found
