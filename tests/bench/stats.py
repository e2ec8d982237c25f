# SPDX-License-Identifier: Apache-2.0
"""Medians and their confidence, for measurements taken in rounds on a machine that is never quiet."""
import random
import statistics

RESAMPLES = 4000


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between the quartiles, as a share of the median."""
    if len(values) < 4:
        return (max(values) - min(values)) / 2 / median(values)
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / median(values)


def interval(values, share=0.95):
    """Bootstrap interval of the median. Seeded: the same measurements give the same interval."""
    draw = random.Random(len(values))
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    edge = int(RESAMPLES * (1 - share) / 2)
    return medians[edge], medians[-edge - 1]


def cost(watched, alone):
    """What is lost, from pairs measured in the same round: (median, low, high) of 1 - watched/alone."""
    lost = [1 - with_it / without for with_it, without in zip(watched, alone)]
    return (median(lost), *interval(lost))
