"""Other bundles than the one that a worker began with: promoted ones that it goes over to, and one that runs beside."""
