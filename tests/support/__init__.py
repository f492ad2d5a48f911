"""What the tests of the product share: real pictures and videos, jobs, and the stack in process."""
