"""Random choices that are the same for a seed on every Python: only Random.random() is used."""
import random


class Draw:
    def __init__(self, *seed):
        self._random = random.Random("/".join(str(part) for part in seed))

    def below(self, count):
        """An integer in [0, count)."""
        return min(int(self._random.random() * count), count - 1)

    def between(self, low, high):
        """An integer in [low, high]."""
        return low + self.below(high - low + 1)

    def uniform(self, low, high):
        return low + (high - low) * self._random.random()

    def noise(self, width):
        """About normal, of standard deviation `width` (sum of three uniforms)."""
        return width * 2.0 * (self._random.random() + self._random.random() + self._random.random() - 1.5)

    def chance(self, probability):
        return self._random.random() < probability

    def pick(self, items):
        return items[self.below(len(items))]

    def weighted(self, weights):
        """A key of {key: weight}."""
        left = self._random.random() * sum(weights.values())
        for key, weight in weights.items():
            left -= weight
            if left < 0:
                return key
        return key

    def on_grid(self, low, high, step):
        """A multiple of `step` above `low`, as int where it is whole."""
        value = low + step * self.below(int(round((high - low) / step)) + 1)
        return tidy(value)


def tidy(value):
    value = round(value, 4)
    return int(value) if value == int(value) else value
