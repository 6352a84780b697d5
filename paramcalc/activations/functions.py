"""Activation functions, by what their backward pass reads: the output, the input, or the steps they are written in."""

OUTPUT_ONLY = frozenset({"relu", "tanh", "sigmoid", "relu6"})
"""Activations whose gradient is computed from the output."""
SQUARED_RELU = frozenset({"relu2", "relu_squared"})
EXTRA = {"gelu_new": 3, "gelu_fast": 4, "quick_gelu": 1, "gelu_accurate": 4, "xielu": 3}
"""Activations written out in several operations: further tensors of the same size they keep beside the input."""
DISTINCT = OUTPUT_ONLY | SQUARED_RELU | EXTRA.keys()
"""Those that keep something else than their input."""
