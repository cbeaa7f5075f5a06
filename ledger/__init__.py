"""What all stages share: records, the store, manifests, the config, the errors. Imports no other room."""
