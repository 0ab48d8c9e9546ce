"""Every claim that is measured here, by name."""

from claimed.comparing import CONSTANT_ORDER, HALF
from claimed.kernels import KERNELS
from claimed.rates import SECOND_ORDER
from claimed.rejecting import REJECTION

CLAIMS = {
    claim.name: claim for claim in (SECOND_ORDER, REJECTION, KERNELS, CONSTANT_ORDER, HALF)
}
