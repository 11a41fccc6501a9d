"""The files of a run directory: for each its name, fields, writer and reader, for whoever writes runs and whoever reads them.

| file                              | module           | what it holds                                                |
| --------------------------------- | ---------------- | ------------------------------------------------------------ |
| `config.yaml`                     | `config.py`      | every setting, resolved                                      |
| `data.json`                       | `data.py`        | what is learned from: classes, counts, fingerprint           |
| `environment.json`                | `environment.py` | versions, machine, devices, seed, command of the last start  |
| `log.csv`                         | `log.py`         | a row an epoch; how to add a column                          |
| `lambda.npz`                      | `gates.py`       | every λ over the epochs of search                            |
| `architecture.json`               | (1)              | what the search left                                         |
| `network.json`, `network.params`  | `network.py`     | the trained network: how to build and feed it, its parameters |
| `summary.json`                    | `summary.py`     | numbers for tables and reports                               |
| `predictions.npz`                 | `predictions.py` | what a test of the network saw                               |
| `evaluations/`                    | `evaluations.py` | tests on other data, or with the best parameters             |
| `checkpoints/`                    | `checkpoint.py`  | what it takes to go on                                       |
| `checksums.json`                  | `checksums.py`   | SHA-256 of the text files and archives of arrays among these |
| `latency.json`                    | (2)              | measured times of operations                                 |
| `fit.json`                        | `fit.py`         | of one command from data to a model: asked, planned, done    |

(1) `symbols/architecture.py`, since architectures also stand alone. (2) `symbols/latency.py`, which keeps times elsewhere, too.

`directory.py` has the names and the lock; `stages.py` the names of the stages; `arrays.py` reads and writes archives of arrays;
`parameters.py` parses network.params; `stored.py` builds the network of network.json and fills it. Only `stored.py` needs MXNet, and
`environment.py` to describe it.

Files are written whole or not at all. What a version wrote, later ones read: a new key or column is optional, and a change that
is more than that has a new version number. A file that is damaged, cut or empty is a UserError that names it.
"""
