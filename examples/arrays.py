"""From arrays to a network: scikit-learn's handwritten digits, with a callback and a loss of one's own.

    python examples/arrays.py

takes about five minutes and leaves all it makes in runs/arrays; started again, it goes on where it was interrupted.
"""

import mxnet as mx
from sklearn.datasets import load_digits

import dsonas


class Epochs(dsonas.Callback):
    """Counts the epochs of all stages."""

    done = 0

    def epoch_ends(self, course):
        self.done += 1


def focal(logits, labels):
    """Focal loss: images that are right already count less. logits (batch, classes), labels (batch,) -> (batch,)."""
    log_p = mx.nd.pick(mx.nd.log_softmax(logits), labels)
    return -((1 - mx.nd.exp(log_p)) ** 2) * log_p


def arrays():
    """Return 1,797 grey images of 8x8 pixels, uint8, and their digits; every fifth is for test: ((x, y), (x_test, y_test))."""
    digits = load_digits()
    x, y = (digits.images * 15).astype('uint8'), digits.target
    test = [place % 5 == 0 for place in range(len(y))]
    train = [not part for part in test]
    return (x[train], y[train]), (x[test], y[test])


def main(**settings):
    """Run the example. settings: further arguments of dsonas.fit."""
    epochs, data = Epochs(), arrays()
    result = dsonas.fit(data, **{'minutes': 5, 'callbacks': [epochs], 'loss': focal, **settings})
    print(result.leaderboard())
    print(result.architecture)
    print('the first test image:', result.predict(data[1][0][0], top=3))
    print(f'{epochs.done} epochs, {result.report()}')
    return result


if __name__ == '__main__':
    main()
