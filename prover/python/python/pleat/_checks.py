"""What the files that this package shares with ``pleat_verifier`` find in that package's extension."""

from ._native import (
    CheckError as CheckError,
    FormatError as FormatError,
    ModelError as ModelError,
    NativeVerificationModel as NativeVerificationModel,
    PleatError as PleatError,
    QuantizeError as QuantizeError,
    ReceiptError as ReceiptError,
    check_chain as check_chain,
    check_many as check_many,
    hash as hash,
    read_receipt as read_receipt,
)
