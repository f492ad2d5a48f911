"""The text of ``docs/performance.md``, with a place for each table."""

TEXT = """\
# Performance

`make bench` writes this page: text, tables and plots, and the figures of the [README](../README.md).
`make bench ONLY="cold_start result"` only prints the tables of the parts that it names.

Measured on {machine.date} at commit {machine.commit}, in {minutes:.0f} minutes: {machine.processor}, {machine.cores} \
cores, {machine.memory_gb:g} GB of memory, Python {machine.python}.
Everything that is compared was measured in the same run, in turn or at the same time.
The neighbours are an embedded AWS and a fake DashScope on the same machine, so that no time includes a network.
No test depends on these times; calls, transitions and memory are [tested](../tests/functional/promise/test_calls.py).

## Targets

{targets}

## The overhead of a job

On one testbed, at real time, 20 jobs of each way start at the same moments and run equally long at DashScope: 80 s, \
with a standard deviation of 25 %.
Beside Gallop's HTTPS door are DashScope's own SDK, which waits for the task, with an upload to S3, and the usual Step \
Functions sample, which asks every 15 s.
Gallop's time ends with `succeeded`, the others' with the video in the bucket.
*Questions* is the number of status queries per job, and *per second* the most of them within any second.

{overhead}

![Seconds of overhead, three ways](images/performance-overhead.png)

## When to ask

[polling.md](polling.md) explains the rule and compares it with more schedules.
*Delay* is the time from the end of a task to the query that finds it.

{polling}

## Cold starts

From the start of a process to its first answer, {starts} starts of each function, with only the built layers on the \
path, against a local server that repeats recorded answers.
The peer imports the same libraries and makes the same calls in the same order, without Gallop.
The two start in turn; the figures are medians.

{cold_start}

![Milliseconds to the first answer](images/performance-cold-start.png)

## Memory sizes

This is a model: nobody has measured these functions on Lambda.
Lambda gives a function a processor in proportion to its memory, and a whole one at 1,769 MB \
([AWS](https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)).
A run takes the processor's time that was measured above, divided by that share, and 10 ms for each call; a cold start \
counts fully, although Lambda often gives it a whole processor.
Each cell has the time of a cold and of a warm run, and the price of a million warm runs; the template's choice is bold.
*Too small* is less than one and a half times the measured peak.

{memory}

The choice follows from three observations.

- A warm run computes for a few milliseconds and waits for the rest, so that memory changes its price by less than \
$0.000002; a cold start takes half the time with twice the memory. Hence 1,024 MB for most.
- `Status` waits inside its run, between questions, and pays its memory for it: 512 MB. Nobody waits for the sweep \
(`Reconcile`) either.
- `Submit`, `Batch` and `Thumbnail` decode pictures and videos, which these small samples do not show; the template \
says what was measured for them.

## Calls and transitions

The second job of a lane, in a simulation that counts every call to AWS and to DashScope, until the job is closed.

{calls}

## What costs grow with

![Calls, prices, bytes and memory by size](images/performance-growth.png)

### Jobs at once

The simulation of [load.md](load.md): three clients send all jobs at the same moment.
Prices are AWS's list prices in us-east-1 for transitions, runs, table units and S3 requests.
A run is billed for 0.7 s, which is longer than most, and for what it waits between questions.
[costs.md](costs.md) adds storage and logs.

{jobs}

### The queue

Calls to the table, and the bytes of their answers.
A free slot costs the same however many jobs wait.
An arrival reads up to 200 places; in a longer queue, the next sweep reports the position.
The position of a job is read from the whole queue, once in five seconds for each environment, however many clients ask.

{line}

### A list

A page of five jobs, from the middle of the list, with the job that it begins after.
Calls and bytes do not depend on the length of the list; the time is mostly the embedded table's, which sorts the \
whole list for each page.

{listing}

### A result

SaveResult copies a video from DashScope into the bucket; the peer streams it with httpx into boto3's \
`upload_fileobj`.

{result}

## The HTTPS door

{connections} connections create jobs, get them and list them on two testbeds in turn: one of commit {before}, from \
before this work, and one of this commit.
Both are warm: cold starts have their own table.
Each cell has p50 and p95.
On two cores, the client mostly waits for the embedded AWS; the function's own duration is what Lambda would bill, and \
includes its calls.

{door}

![Milliseconds of p50 and p95, before and after](images/performance-door.png)

## The testbed

With each function in its own process, at 20 times real time.

{testbed}
"""
