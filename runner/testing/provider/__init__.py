"""The core of a scripted provider: all that an emulator of a paid API needs, but for the API itself.

An emulator is a wire format over it. `runner.testing.fake_provider` is the smallest one, `plugins/kie/emulator` one of
a real API:

    clock        runs with the machine's, and can be moved forward
    accounts     credits that tasks hold, rates, counts
    tasks        a task's life: made, due, ended or failed, paid for or refunded
    script       answers in an order: "429*2", then all is well
    faults       answers that are none: dropped, hanging, a page
    drawing      clips that start from a given picture
    studio       has them drawn, once each
    fetching     first frames that customers give the URL of
    files        what is served, for as long as it is promised
    downloads    serving it, well or badly
    request_log  what came in
    serving      the process: listens, and ends in time
    options      its command line
    client       runs it for a test
"""
