"""A node's gRPC in front of the sandbox's JSON-RPC, for dydx-v4-client, which speaks nothing else.

It runs in the client's own environment and knows no rule of the chain: what is asked is handed on as it came.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import grpc
from v4_proto.cosmos.base.abci.v1beta1.abci_pb2 import TxResponse
from v4_proto.cosmos.base.tendermint.v1beta1.query_pb2 import GetLatestBlockResponse
from v4_proto.cosmos.tx.v1beta1.service_pb2 import BroadcastTxRequest, BroadcastTxResponse

LATEST_BLOCK = "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock"
BROADCAST = "/cosmos.tx.v1beta1.Service/BroadcastTx"
NOT_FOUND = 22
"""The code of an address that the chain does not know."""


def serve(url: str) -> str:
    """Serve the node at this address, and return where."""
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Handler(url)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    serving.append(server)

    return f"127.0.0.1:{port}"


serving: list[Any] = []
"""A server ends when nobody holds it."""


class Handler(grpc.GenericRpcHandler):
    """Hands every call on: broadcasts, the height, and questions about the chain's state by their own path."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")

    def service(self, call: Any) -> Any:
        """Return what answers a call of this path."""
        answers: dict[str, Callable[[bytes, Any], bytes]] = {LATEST_BLOCK: self._latest, BROADCAST: self._broadcast}
        known = answers.get(call.method)

        def answer(sent: bytes, context: Any) -> bytes:
            return known(sent, context) if known else self._query(call.method, sent, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    def _latest(self, _sent: bytes, _context: Any) -> bytes:
        response = GetLatestBlockResponse()
        response.block.header.height = int(self._call("status")["sync_info"]["latest_block_height"])

        return response.SerializeToString()

    def _broadcast(self, sent: bytes, _context: Any) -> bytes:
        transaction = base64.b64encode(BroadcastTxRequest.FromString(sent).tx_bytes).decode()
        told = self._call("broadcast_tx_sync", tx=transaction)
        shown = TxResponse(txhash=told["hash"], code=told["code"], codespace=told["codespace"], raw_log=told["log"])

        return BroadcastTxResponse(tx_response=shown).SerializeToString()

    def _query(self, path: str, sent: bytes, context: Any) -> bytes:
        told = self._call("abci_query", path=path, data=sent.hex())["response"]

        if told["code"]:
            status = grpc.StatusCode.NOT_FOUND if told["code"] == NOT_FOUND else grpc.StatusCode.UNIMPLEMENTED
            context.abort(status, told["log"])

        return base64.b64decode(told["value"])

    def _call(self, method: str, **parameters: str) -> dict[str, Any]:
        call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        connection = HTTPConnection(self._host)
        connection.request("POST", "/", call, {"Content-Type": "application/json"})

        return dict(json.load(connection.getresponse())["result"])
