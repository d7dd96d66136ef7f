"""The price source `custom_api`: a price that any web address answers with, asked for again and again.

The address is a person's own choice, and what answers there is believed in nothing: not where it leads, not how much
it sends, not that it is a price.
"""
