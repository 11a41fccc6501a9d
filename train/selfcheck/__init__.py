"""Check that devices compute what the CPU computes: operators, networks, steps of each stage, exchange of gradients, memory, speed.

One check is one process, because a fault of a GPU ends or poisons the process that meets it:

    python -m dsonas.train.selfcheck steps-search --gpus 0,1       # or --cpus 2, CPU devices in the place of GPUs

It prints one line of JSON on stdout: {'status': 'ok' | 'failed' | 'skipped', 'detail': text, 'figures': {name: number}}. What runs them
all, with a table, is a tool of its own.

    target       the devices that are looked at, and what a check may say
    gradients    outputs and gradients of a block on a device, beside the CPU in double precision
    networks     operators and networks by these
    training     steps with Learner and both optimizers, several devices, mixed precision
    measuring    memory, speed, latency
    catalogue    every check by name
"""
