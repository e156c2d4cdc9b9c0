"""A provider of clips that misbehaves on command, and counts what it is asked for and what it bills.

It is the smallest wire format over `runner.testing.provider`, in a process of its own, on the loopback interface:

    python -m runner.testing.fake_provider --port 0 --state books.jsonl

    POST /tasks            {prompt, duration_s, ..., image_url, token, name} -> {task_id}
    GET  /tasks/ID         -> {state, progress, result_url, expires_at, cost_usd, reason}
    GET  /tasks?token=T    -> {task_ids}, where the script says so
    GET  /files/NAME       the clip, at an address that expires; asking for the task gives a fresh one
    GET  /_books           what came in and what it cost          POST /_script   how to behave from now on

Accounts are told apart by `Authorization: Bearer KEY`; a task is unknown to all accounts but its own. An error is
`{"error": {"code", "message"}}` under an HTTP status, and 503 promises that nothing was accepted. `image_url` may be a
`data:` URI where the script says how large it may be.

`script` says how it can misbehave, `client.running` starts it for a test.
"""
