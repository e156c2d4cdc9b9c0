"""KIE.AI: createTask, recordInfo, uploads, credits, callbacks; clips that start from the picture they were given.

    python -m runner emulate kie --port 8642 --script trouble.yaml

API, uploads and files are on one port, under the paths that the real hosts have; files are below /files/ and need no
key. A creation goes through, in this order: the key (401), the script, the rate (429), the model (422), "paused"
(500), required fields (500), types, lengths and enums (500), credits (402). Every creation with a good key that is
not scripted away counts for the rate, also one that is refused. Prices are those of `prices`: what is not in its
table costs 20 credits a second. Credits are held when a task is made, and given back when it fails. Extra fields are
tolerated; a picture that is inline where a required address belongs counts as not there, and any other address that
cannot be fetched as a picture, or at all where a clip or sound belongs, lets the task fail.

For tests there are, without a key: GET /_emulator/books and /_emulator/requests, POST /_emulator/script (a script as
JSON), /_emulator/clock ({"advance": SECONDS}) and /_emulator/accounts ({"key", "credits"}). `client.running` starts
it for a test and speaks to all of them.

A result's address ends after a day and the result after two weeks; in between there is download-url, whose addresses
end after 20 minutes.

A script says how to misbehave, in YAML or JSON. The first rule that matches a creation counts for it and its task:

    rules:
    - match:                      # all of it must hold; no match: every creation
        prompt: pour              # a part of the prompt
        model: kling*             # * for any part
        nth: 3                    # its number since the script was set, counting the refused ones
        key: emulator
      times: 2                    # for so many creations, then the rule is used up
      create: ["429*2", drop_after]   # answers in this order, then all is well
      poll: [{answer: 500, msg: oops, http: 500, times: 3}, html, "state"]
      download: [truncated]
      states: [waiting, queuing, generating]    # shared out over the task's time
      seconds: 30                 # how long the task takes
      grace_s: 1                  # how long recordInfo does not know it
      stuck: true                 # it stays in its first state for ever
      fail: {msg: "nsfw", code: "500", refund: false}
      result: empty_urls          # see below
      urls: ["http://elsewhere.example/clip.mp4"]   # instead of its own
      credits: 12.5               # its price
      clip_s: 1.5                 # the clip's true length, whatever was asked for
      ignore_image: true          # it starts from its prompt alone, whatever picture came with it
    upload: [500, drop_after]     # answers to uploads, to the next downloads of them, to questions for the balance
    uploaded: [404]
    credit: [401]

An answer is a name, `name*3` for three times, `name*` for ever, or a mapping of `answer`, `times` (a number or
forever), `delay_s`, and what it needs: `msg` and `http` for a code, `state`, `to` for a redirect, `size`.

    create    ok, CODE (nothing is made), CODE_after (a task is made), drop_, hang_, html_, text_ with before or after,
              no_data_after (accepted, without a task id)
    poll      ok, CODE, no_data, state (an unknown one, or `state`), flag (the older successFlag shape), drop, hang,
              html (a 502 page), text (not JSON)
    download  ok, CODE (an HTTP status), expired (gone, with all its addresses), truncated (breaks off), cut (whole by
              its length, and cut inside), empty, page, page_as_video, slow (`delay_s` in the middle), oversized (`size`
              bytes), redirect, drop, hang
    upload    ok, CODE, drop_before, drop_after, hang_before, html_before, text_before
    credit    ok, CODE, drop, hang, html, text
    result    urls, several, snake_case, under_data, snake_under_data, object, empty_urls, empty_object,
              empty_string, bad_json

A code without `msg` says what the API is known to say with it.
"""
