"""The wire format of Toy: POST /v1/videos creates a task, GET /v1/videos/ID shows it."""

from pathlib import Path

from runner.api import Result, State, Status, TaskRef
from runner.errors import Busy, PollFailed, SubmitRefused, TaskUnknown
from runner.providers import (
    ApiKey,
    CardFolder,
    HttpApi,
    fields,
    host_of,
    is_local,
    json_of,
    retry_after_s,
    usd,
)

MODELS = CardFolder(generator="toy", folder=Path(__file__).with_name("cards"))


def key_of(options):
    return ApiKey(provider="Toy", variable="TOY_KEY", option=options.api_key, file=options.api_key_file)


class Toy:
    def __init__(self, options, context):
        self.models = MODELS.catalogue(options.cards)
        self.local = is_local(host_of(options.api_url))
        self.download = context.download
        self.api = HttpApi(name="Toy", base_url=options.api_url, key=key_of(options), http=context.http)

    async def submit(self, request, token):
        variant = self.models.variant(request.model or "toy-1", request)
        body = {"model": variant.id, **fields(variant, request)}
        answer = await self.api.submit("/v1/videos", body, {"Idempotency-Key": token})
        task, why = json_of(answer), self.api.line(answer)
        match answer.status_code:
            case 201 if isinstance(task, dict) and task.get("id"):
                return TaskRef(str(task["id"]))
            case 429 | 503:
                raise Busy("Toy accepts no more for now", why=why, retry_after_s=retry_after_s(answer))
            case 400 | 401 | 402 | 422:
                raise SubmitRefused("Toy refused the request", why=why)
        raise self.api.unknown(why)  # it may have created a task

    async def poll(self, ref):
        answer = await self.api.request("GET", f"/v1/videos/{ref.id}")
        task, why = json_of(answer), self.api.line(answer)
        if answer.status_code == 404:
            raise TaskUnknown(f"Toy does not know task {ref.id}", why=why)
        if answer.status_code != 200 or not isinstance(task, dict) or task.get("state") not in set(State):
            raise PollFailed(
                f"cannot tell how task {ref.id} is", why=why, retry_after_s=retry_after_s(answer)
            )
        return Status(
            state=State(task["state"]),
            results=(Result(task["url"]),) if task.get("url") else (),
            reason=str(task.get("error") or ""),
            cost_usd=usd(task.get("cost_usd")),
        )

    async def fetch(self, status, sink):
        await self.download(status.results[0].url, sink, hosts=["cdn.toy.example"], local=self.local)
