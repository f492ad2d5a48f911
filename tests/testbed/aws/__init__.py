"""An AWS that fits in one process: the real template, deployed and run on a laptop.

``deploy`` turns the template into resources of moto, ``runtime`` runs its functions as Lambda does, ``gateway`` is its
HTTP API, ``iam`` stands in front of every call, and ``moto_seams`` is the one place where moto itself is changed.
"""
