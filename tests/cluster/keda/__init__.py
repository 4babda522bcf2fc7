"""The chart's autoscaling by KEDA's own operator and metrics adapter."""
