"""The ledger: money by asset, each payment booked once by the venue's own id."""
