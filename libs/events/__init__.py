"""The event sourcing kit: decider, store, sequencer, relay, consumer, projection. It knows nothing about loans."""
