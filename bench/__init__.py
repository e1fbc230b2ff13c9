"""Speed, as ratios: the hub beside hand-written floors and a peer, measured in turns in one run."""
