"""PickScore: the read-me of yuvalkirstain/PickScore, on the last library generation it runs on unchanged."""
