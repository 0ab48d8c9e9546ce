"""Every claim that is measured here, by name, in the order of docs/science.md."""

from claimed.architectures import FEWER_PLANES, SHARED_WEIGHTS
from claimed.comparing import CONSTANT_ORDER, HALF, TARGETS_CLAIM
from claimed.kernels import KERNELS
from claimed.rates import SECOND_ORDER
from claimed.rejecting import REJECTION

CLAIMS = {
    claim.name: claim
    for claim in (
        *(SHARED_WEIGHTS, FEWER_PLANES, REJECTION, SECOND_ORDER, CONSTANT_ORDER, TARGETS_CLAIM),
        *(HALF, KERNELS),
    )
}
