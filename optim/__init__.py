"""Updates of the weights W and the scaling factors λ: optimizers, γ, learning rates.

Where a change belongs:

- `proximal.py`   the soft threshold S, the proximal operator of the L1 norm.
- `apg_nag.py`    APG-NAG (eq. 6-8), the optimizer of λ: one step of a λ vector, given its gradient and its γ. Importing the module
                  registers it with MXNet as 'apgnag'.
- `nag.py`        NAG, the optimizer of W: MXNet's own, with weight decay taken from the weight before the step. Importing the module
                  registers it with MXNet as 'exactnag'.
- `sparsity.py`   the γ of every λ: constant, or following a cost (eq. 9 and 10). A new policy is one small class there.
- `structure.py`  the graph behind a λ vector: which operations survive at given λ, and what they cost.
- `schedules.py`  learning rates over a run. A new schedule is one small class there.

Nothing in this folder knows what a block or an image is: λ are arrays, costs are numbers, progress is counted in epochs.
"""
