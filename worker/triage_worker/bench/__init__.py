"""The benchmark: the worker's speed, next to raw ONNX Runtime and to a plain loop of aiokafka and transformers."""
