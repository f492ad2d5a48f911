"""What the workflow runs, one module a step. Each takes a job's id and answers with what comes next."""
