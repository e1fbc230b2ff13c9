"""The laws of facts, time and membership, judged from outside.

`law-examples.tsv` holds worked examples, `notation` reads and writes the tokens they are told in, `oracle` says what a
stream of tokens must lead to by reading it from the beginning every time, and `streams` makes up streams without end.
Nothing here imports the product, so whatever folds messages step by step can be held against it:

    for stream in (random_stream(rng, 20, PROFILES["everything"]) for _ in range(1000)):
        for step in range(1, len(stream) + 1):
            assert product.stands_after(stream[:step]) == oracle.stands(stream, step), render(stream)
"""
