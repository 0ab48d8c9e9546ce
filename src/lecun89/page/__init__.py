"""One file in which the network trains in a browser; docs/page.md says how it is made."""
