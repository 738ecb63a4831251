# Everything is in ./dev; this only forwards: make test = ./dev test.
.DEFAULT_GOAL := help
help: ; @./dev
%: ; @./dev $@
.PHONY: help demo test bench lint format render system-deps
demo test bench lint format render system-deps: ; @./dev $@
